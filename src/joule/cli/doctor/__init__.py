"""``joule doctor``: what is wrong with the node of this machine, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.doctor.certificates import check_certificate
from joule.cli.doctor.daemon import check_daemon, check_database, check_port, running_pid
from joule.cli.doctor.files import check_archive_files, check_module_files, check_stream_files
from joule.cli.doctor.finding import NOTE, OK, WRONG, Finding, fine, wrong
from joule.cli.doctor.machine import check_clock, check_folders, check_keys, check_room
from joule.cli.doctor.nilmdb import check_nilmdb
from joule.cli.host import node_settings, server_of, store_of
from joule.cli.options import as_json
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.config.main_conf import MainConfig

_COLOURS = {OK: "green", NOTE: "yellow", WRONG: "red"}


@click.command("doctor")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Main file of the node.")
@click.option("-d", "--data", type=click.Path(path_type=Path), help="Data folder of the node.")
@as_json
def doctor(config: Path | None, data: Path | None, as_json: bool) -> None:
    """Look for what keeps the node of this machine from working, and say what to do.

    It is looked for as jouled does. Nothing is changed. The exit status is 1 when something is
    wrong; a note is no fault. Best run as the user the node runs as.
    """
    findings = list(examine(config, data))
    if as_json:
        output.document([asdict(finding) for finding in findings])
    else:
        output.table(["Check", "State", "What"], map(_row, findings))
    faults = sum(finding.state == WRONG for finding in findings)
    if faults:
        raise click.ClickException(f"{faults} problems found")


def examine(file: Path | None, data: Path | None) -> Iterator[Finding]:
    """Look at everything; what needs a configuration is left out when that cannot be read."""
    try:
        config = node_settings(file, data)
        store = None if server_of(config) else store_of(config)
    except (click.ClickException, ConfigurationError) as error:
        text = error.message if isinstance(error, click.ClickException) else str(error)
        yield wrong("configuration", text, "see docs/configuration.md")
    else:
        yield fine("configuration", f"[{config.file}]" if config.file else "no main file is used")
        yield from _node(config)
        yield from check_clock(store)
    yield from check_keys()


def _node(config: MainConfig) -> Iterator[Finding]:
    pid = running_pid(config)
    yield from check_daemon(config, pid)
    yield from check_port(config, pid)
    yield from check_certificate(config.security, config.name)
    yield from check_database(config, pid)
    yield from check_nilmdb(config)
    yield from check_folders(config)
    yield from check_room(config.folders.data)
    yield from check_module_files(config.folders)
    yield from check_stream_files(config.folders)
    yield from check_archive_files(config)


def _row(finding: Finding) -> tuple[str, str, str]:
    text = f"{finding.text}\n-> {finding.advice}" if finding.advice else finding.text
    return finding.check, click.style(finding.state, fg=_COLOURS[finding.state]), text
