"""``joule stream``: data streams as a whole (``joule data`` is for what is in them)."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.lazy import Entry, lazy_group
from joule.cli.options import as_json
from joule.cli.session import on_node
from joule.cli.whole import whole_commands
from joule.errors import NotFoundError
from joule.wire.json_models import data_stream_to_json

if TYPE_CHECKING:
    from joule.api import DataStream, DataStreamInfo, Element, Node

group = lazy_group(
    "stream",
    "Manage data streams.",
    {
        "list": Entry("joule.cli.folder:list_folder", "The same as joule folder list."),
        "info": Entry("joule.cli.stream:info", "Show what a data stream is and holds."),
        "move": Entry("joule.cli.stream:move", "Move a data stream into another folder."),
        "rename": Entry("joule.cli.stream:rename", "Change the name of a data stream."),
        "annotations": Entry(
            "joule.cli.annotations:list_annotations", "List or delete the notes on a data stream."
        ),
        "delete": Entry(
            "joule.cli.stream:delete", "Delete a data or event stream.", ("destroy", "remove")
        ),
    },
)


@click.command("info")
@click.argument("path")
@click.option("-e", "--elements", is_flag=True, help="Show the elements.")
@as_json
@on_node
async def info(node: Node, path: str, elements: bool, as_json: bool) -> None:
    """Show what the data stream PATH is and what it holds."""
    stream = await node.data_stream_get(path)
    stored = await node.data_stream_info(path)
    annotations = await node.annotation_info(path)
    if as_json:
        described = data_stream_to_json(stream, stored)
        output.document({**described, "annotations": annotations.count})
        return
    output.line()
    output.line("Data Stream Information:")
    output.fields(_description(stream))
    output.line()
    output.fields([*_contents(stream, stored), ("Annotation", annotations.count)])
    output.line()
    if elements:
        headers = ["Name", "Units", "Display", "Min,Max"]
        output.table(headers, map(_element, stream.elements), align="center")


def _description(stream: DataStream) -> list[tuple[str, object]]:
    return [
        ("Name", stream.name),
        ("Description", stream.description or output.DASH),
        ("Datatype", stream.datatype),
        ("Keep", _keep(stream.keep_us)),
        ("Decimate", "yes" if stream.decimate else "no"),
    ]


def _contents(stream: DataStream, stored: DataStreamInfo) -> list[tuple[str, object]]:
    return [
        ("Status", _status(stream)),
        ("Start", local_time(stored.start)),
        ("End", local_time(stored.end)),
        ("Rows", stored.rows),
    ]


def _keep(keep_us: int) -> str:
    if keep_us < 0:
        return "all data"
    return "no data" if keep_us == 0 else str(timedelta(microseconds=keep_us))


def _status(stream: DataStream) -> str:
    if stream.active:
        return f"{output.dot(output.ACTIVE)} [active]"
    return f"{output.dot(output.CONFIGURED)} [configured]" if stream.is_configured else "[idle]"


def local_time(timestamp: int | None) -> str:
    """Write a UNIX us time as local ``YYYY-MM-DD HH:MM:SS.ffffff``, a dash for None."""
    if timestamp is None:
        return output.DASH
    try:
        moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=timestamp)
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")
    except (OverflowError, ValueError):
        return str(timestamp)  # outside the calendar


def _element(element: Element) -> tuple[str, str, str, str]:
    return (
        element.name,
        element.units or output.DASH,
        element.display_type.lower(),
        _limits(element),
    )


def _limits(element: Element) -> str:
    low, high = element.default_min, element.default_max
    if low is None and high is None:
        return "auto"
    return f"{_limit(low)},{_limit(high)}"


def _limit(value: float | None) -> str:
    return "[auto]" if value is None else f"{value:g}"


move, rename = whole_commands("data_stream")


@click.command("delete")
@click.argument("stream")
@on_node
async def delete(node: Node, stream: str) -> None:
    """Delete STREAM, a data or an event stream, with everything in it."""
    if await _is_data_stream(node, stream):
        if output.confirm(f"Delete data stream [{stream}]?"):
            await node.data_stream_delete(stream)
            output.ok()
    elif await _is_event_stream(node, stream):
        if output.confirm(f"Delete event stream [{stream}]?"):
            await node.event_stream_delete(stream)
            output.ok()
    else:
        raise click.ClickException("Stream does not exist")


async def _is_data_stream(node: Node, path: str) -> bool:
    with contextlib.suppress(NotFoundError):
        await node.data_stream_get(path)
        return True
    return False


async def _is_event_stream(node: Node, path: str) -> bool:
    with contextlib.suppress(NotFoundError):
        await node.event_stream_get(path)
        return True
    return False
