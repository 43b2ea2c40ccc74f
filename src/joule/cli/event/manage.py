"""``joule event list``, ``info``, ``move`` and ``rename``: event streams as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.options import as_json
from joule.cli.session import on_node
from joule.cli.stream import local_time
from joule.cli.whole import whole_commands
from joule.wire.json_models import event_stream_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import EventStream, Folder, Node


@click.command("list")
@click.argument("path", default="/")
@as_json
@on_node
async def list_streams(node: Node, path: str, as_json: bool) -> None:
    """List the event streams in the folder PATH (all of the node without one) and their fields."""
    folder = await (node.folder_root() if path == "/" else node.folder_get(path))
    found = list(_event_streams(folder, path.rstrip("/")))
    if as_json:
        output.document([{"path": where, **event_stream_to_json(each)} for where, each in found])
        return
    output.table(["Path", "Fields"], [(where, _fields(each)) for where, each in found])


def _event_streams(folder: Folder, path: str) -> Iterator[tuple[str, EventStream]]:
    """Give the event streams in a folder and below it with their paths, sorted within each."""
    for stream in sorted(folder.event_streams, key=lambda stream: stream.name):
        yield f"{path}/{stream.name}", stream
    for child in sorted(folder.children, key=lambda child: child.name):
        yield from _event_streams(child, f"{path}/{child.name}")


def _fields(stream: EventStream) -> str:
    return "\n".join(f"{name}: {kind}" for name, kind in stream.event_fields.items())


@click.command("info")
@click.argument("path")
@as_json
@on_node
async def info(node: Node, path: str, as_json: bool) -> None:
    """Show what the event stream PATH is and what it holds."""
    stream = await node.event_stream_get(path)
    stored = await node.event_stream_info(path)
    if as_json:
        output.document(event_stream_to_json(stream, stored))
        return
    output.line()
    output.line("Event Stream Information:")
    output.fields(
        [
            ("Name", stream.name),
            ("Start", local_time(stored.start)),
            ("End", local_time(stored.end)),
            ("Events", stored.event_count),
        ]
    )
    output.line()
    if not stream.event_fields:
        output.line("There are no fields specified for this event stream")
        return
    output.line("Event Fields:")
    output.line("\tType\t| Name")
    output.line(f"\t{'-' * 20}")
    for name, kind in stream.event_fields.items():
        output.line(f"\t{kind}\t| {name}")


move, rename = whole_commands("event_stream")
