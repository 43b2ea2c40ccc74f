"""``joule event read`` and ``joule event delete``: the events of a stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.options import bounds
from joule.cli.session import on_node
from joule.wire.json_models import event_to_json

if TYPE_CHECKING:
    from joule.api import Event, Node

_BLOCK = 5000

_where = click.option(
    "-w",
    "--where",
    metavar="FILTER",
    help='Only events like this: JSON such as [[["level", "gt", 3]]], inner lists AND, outer OR.',
)


@click.command("read")
@click.argument("stream")
@bounds
@_where
@click.option("-r", "--max-events", type=click.IntRange(min=1), help="Stop after this many.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@on_node
async def read(
    node: Node,
    stream: str,
    start: int | None,
    end: int | None,
    where: str | None,
    max_events: int | None,
    as_json: bool,
) -> None:
    """Print the events of STREAM that are active in the range, in the order of their starts.

    A line has start and end in microseconds (- for an event that has not ended) and the content as
    JSON, with tabs between them.
    """
    written = _json_line if as_json else _text_line
    left = max_events
    reading = node.event_stream_read(stream, start, end, json_filter=where, block_size=_BLOCK)
    async for block in reading:
        for event in block[:left]:
            output.line(written(event))
        if left is not None:
            left -= len(block)
            if left <= 0:
                return


def _text_line(event: Event) -> str:
    end = "-" if event.end_time is None else event.end_time
    return f"{event.start_time}\t{end}\t{json.dumps(event.content, ensure_ascii=False)}"


def _json_line(event: Event) -> str:
    return json.dumps(event_to_json(event), ensure_ascii=False)


@click.command("delete")
@click.argument("stream")
@bounds
@_where
@click.option("--all", "everything", is_flag=True, help="Remove all events.")
def delete(
    stream: str, start: int | None, end: int | None, where: str | None, everything: bool
) -> None:
    """Remove the events of STREAM that are active in the range, or all of them.

    The stream itself stays; joule stream delete removes it, too.
    """
    if everything == any(given is not None for given in (start, end, where)):
        raise click.ClickException("specify either --all or --start/--end/--where")
    _delete(stream, start, end, where)


@on_node
async def _delete(
    node: Node, stream: str, start: int | None, end: int | None, where: str | None
) -> None:
    await node.event_stream_remove(stream, start, end, where)
    output.ok()
