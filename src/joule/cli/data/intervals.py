"""``joule data intervals`` and ``joule data consolidate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.options import as_json, bounds
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Node


@click.command("intervals")
@click.argument("stream")
@bounds
@as_json
@on_node
async def intervals(
    node: Node, stream: str, start: int | None, end: int | None, as_json: bool
) -> None:
    """List the unbroken runs of data in STREAM, ends not included."""
    found = await node.data_intervals(stream, start, end)
    if as_json:
        output.document(found)
        return
    if not found:
        output.line("no stream data")
    for first, last in found:
        output.line(f"[{_human(first)} - {_human(last)}]")


def _human(timestamp: int) -> str:
    return joule.utilities.timestamp_to_human(timestamp)


@click.command("consolidate")
@click.argument("stream")
@bounds
@click.option("-m", "--max-gap", default=2_000_000, show_default=True, help="In microseconds.")
@click.option("--redecimate", is_flag=True, help="Compute the decimated data anew afterwards.")
@on_node
async def consolidate(
    node: Node, stream: str, start: int | None, end: int | None, max_gap: int, redecimate: bool
) -> None:
    """Join intervals of STREAM that are at most MAX_GAP apart."""
    count = await node.data_consolidate(stream, max_gap, start, end)
    if count:
        output.line(f"Consolidated {count} intervals")
    else:
        output.line(f"No intervals less than {max_gap} us")
    if redecimate:
        await node.data_decimate(stream)
        output.line("Recomputing decimations...OK")
