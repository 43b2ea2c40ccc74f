"""``joule data delete``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.options import bounds
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Node


def _check(start: int | None, end: int | None, everything: bool) -> None:
    if everything == (start is not None or end is not None):
        raise click.ClickException("specify either --all or --start/--end")


@click.command("delete")
@click.argument("stream")
@bounds
@click.option("--all", "everything", is_flag=True, help="Remove all data.")
def delete(stream: str, start: int | None, end: int | None, everything: bool) -> None:
    """Remove the data of STREAM between start and end, or all of it."""
    _check(start, end, everything)
    _delete(stream, start, end)


@on_node
async def _delete(node: Node, stream: str, start: int | None, end: int | None) -> None:
    await node.data_delete(stream, start, end)
    output.ok()
