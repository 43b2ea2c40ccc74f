"""``joule admin check``: whether everything that is stored is as it must be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.host import existing_store, host_node
from joule.storage.embedded.checking import check_store
from joule.storage.embedded.checking.forgetting import forget_losses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.config.main_conf import MainConfig
    from joule.storage.embedded.checking import Finding, Totals
    from joule.storage.nilmdb.checking import Finding as ServerFinding


SHOWN_MAX = 1000


@click.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--forget",
    is_flag=True,
    help="no longer report damage that was found and put aside; the node must not run",
)
@host_node
def check(file: Path | None, config: MainConfig, *, forget: bool) -> None:
    """Check every row, interval and decimated value that the node of this machine has stored.

    FILE is a backup to check instead. The node may run. Rows in a NilmDB server are checked there,
    those of a backup are not in it. The exit status is 1 when anything is wrong; what it is is
    printed, with the stream and the time.
    """
    store = file or existing_store(config)
    if forget:
        output.line(f"{forget_losses(store)} entries of damaged data forgotten")
    totals = look_through(store)
    output.line(
        f"{totals.rows} rows of {totals.data_streams} data streams, "
        f"{totals.events} events of {totals.event_streams} event streams"
    )
    findings = totals.findings
    if file is None and config.nilmdb_url is not None:
        findings += _look_through_server(config.nilmdb_url, store)
    if findings:
        raise click.ClickException(f"{findings} problems found")
    output.ok()


def look_through(store: Path) -> Totals:
    """Check a store, print what is found, and give the totals."""
    shown: list[Finding] = []

    def found(finding: Finding) -> None:
        if len(shown) < SHOWN_MAX:
            shown.append(finding)

    with output.share("Checking") as step:
        totals = check_store(store, found, step)
    _show(shown, totals.findings)
    return totals


def _look_through_server(url: str, store: Path) -> int:
    """Check the rows that a node has in NilmDB; gives the number of faults."""
    from joule.cli.check_nilmdb import check_server  # HTTP is for those who have one

    rows, found = check_server(url, store)
    _show(found[:SHOWN_MAX], len(found))
    output.line(f"{rows} rows in NilmDB")
    return len(found)


def _show(shown: Sequence[Finding | ServerFinding], findings: int) -> None:
    for finding in shown:
        output.line(_line(finding))
    if findings > len(shown):
        output.line(f"and {findings - len(shown)} more")


def _line(finding: Finding | ServerFinding) -> str:
    if finding.time is None:
        return f"{finding.place}: {finding.text}"
    when = joule.utilities.timestamp_to_human(finding.time).strip()
    return f"{finding.place} at {finding.time} ({when}): {finding.text}"
