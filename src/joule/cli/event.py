"""``joule event``: event streams as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.session import on_node
from joule.cli.stream import local_time

if TYPE_CHECKING:
    from joule.api import Node


@click.group("event")
def group() -> None:
    """Manage event streams."""


@group.command("info")
@click.argument("path")
@on_node
async def info(node: Node, path: str) -> None:
    """Show what the event stream PATH is and what it holds."""
    stream = await node.event_stream_get(path)
    stored = await node.event_stream_info(path)
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
    for name, kind in [("Name", "Type"), *stream.event_fields.items()]:
        output.line(f"\t{kind:<14}{name}")


@group.command("move")
@click.argument("source")
@click.argument("destination")
@on_node
async def move(node: Node, source: str, destination: str) -> None:
    """Move the event stream SOURCE into the folder DESTINATION, which is made if needed."""
    await node.event_stream_move(source, destination)
    output.ok()


@group.command("rename")
@click.argument("stream")
@click.argument("name")
@on_node
async def rename(node: Node, stream: str, name: str) -> None:
    """Change the name of STREAM to NAME."""
    found = await node.event_stream_get(stream)
    found.name = name
    await node.event_stream_update(found)
    output.ok()
