"""``joule admin initialize``: a node for this machine, kept running by systemd."""

from __future__ import annotations

import ipaddress
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.initialize.steps import file_steps, start_steps, unit_step, user_step
from joule.cli.initialize.texts import NewNode
from joule.config.main_conf import DEFAULT_HOST, DEFAULT_PORT, SYSTEM_DATA, SYSTEM_FILE
from joule.errors import ConfigurationError
from joule.storage import open_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.cli.initialize.steps import Step

_SOCKETS = Path("/run/joule")
_FOLDER = click.Path(path_type=Path, file_okay=False)


def _address(_: click.Context, __: click.Parameter, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise click.BadParameter(f"[{text}] is not an IP address") from error


@click.command("initialize")
@click.option("--dsn", metavar="DATABASE", help="PostgreSQL database; embedded without this.")
@click.option(
    "-b", "--bind", default=DEFAULT_HOST, callback=_address, show_default=True, metavar="IP"
)
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True
)
@click.option("-n", "--name", help="Name of the node; node_ and four digits without this.")
@click.option("--generate-user-file", is_flag=True, help="Make a users file, too.")
@click.option("--folder", type=_FOLDER, default=SYSTEM_FILE.parent, show_default=True)
@click.option("--data", type=_FOLDER, default=SYSTEM_DATA, show_default=True)
@click.option("--no-service", is_flag=True, help="Make files only: no user, nothing for systemd.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def initialize(
    dsn: str | None,
    bind: str,
    port: int,
    name: str | None,
    generate_user_file: bool,
    folder: Path,
    data: Path,
    no_service: bool,
    dry_run: bool,
) -> None:
    """Set up a node on this machine and let systemd run it.

    Makes the main file, the folders for configuration files with an example in each, the user
    joule and the service. What exists already is kept as it is and shown as [EXISTS].
    """
    data = data.absolute()
    node = NewNode(
        folder=folder.absolute(),
        data=data,
        sockets=data / "sockets" if no_service else _SOCKETS,
        name=name or f"node_{secrets.token_hex(2)}",
        address=bind,
        port=port,
        dsn=dsn,
        has_users_file=generate_user_file,
    )
    if not (dry_run or no_service or os.geteuid() == 0):
        raise click.ClickException("run as [sudo joule admin initialize], or see --no-service")
    kept = node.main_file.exists()
    refusal = None if kept else _refusal(node)
    for step in _steps(node, with_service=not no_service, starts=refusal is None):
        _perform(step, dry_run=dry_run)
    if kept:
        output.note(f"[{node.main_file}] was there and is kept: the options have no effect on it")
    if refusal is not None:
        output.note(f"jouled cannot start with [{node.main_file}]: {refusal}")
    elif no_service:
        output.note(f"Next: jouled --config {node.main_file}")
    else:
        output.note("Next: joule admin authorize; if the node does not run: joule doctor")


def _refusal(node: NewNode) -> str | None:
    """Give the reason why jouled will not start with this database, None when it will."""
    try:
        open_engine(node.dsn, node.data)  # which is not entered: nothing is made
    except ConfigurationError as error:
        return str(error)
    return None


def _steps(node: NewNode, *, with_service: bool, starts: bool) -> Iterator[Step]:
    if with_service:
        yield user_step()
    yield from file_steps(node, owned=with_service)
    if with_service:
        yield unit_step(node)
    if with_service and starts:
        yield from start_steps()


def _perform(step: Step, *, dry_run: bool) -> None:
    if step.exists:
        output.line(f"{step.name} [EXISTS]")
    elif dry_run:
        output.line(f"{step.name} [would be made]")
        for line in step.text.splitlines():
            output.line(f"\t{line}")
    else:
        try:
            step.do()
        except OSError as error:
            raise click.ClickException(f"{step.name}: {error.strerror}") from error
        output.line(f"{step.name} [OK]")
