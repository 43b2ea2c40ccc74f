"""``joule event copy``: events of one stream into another one, on the same node or elsewhere."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.event.replacing import BLOCK, Replaced
from joule.cli.options import bounds
from joule.cli.progress import Progress, interruptible
from joule.cli.session import on_node
from joule.errors import ApiError

if TYPE_CHECKING:
    from joule.api import Event, EventStream, Node


@dataclass(slots=True)
class EventRequest:
    """Which events to copy where, and what to do about those that are there already."""

    source: str
    destination: str
    start: int | None = None
    end: int | None = None
    action: str = "prompt"
    new: bool = False
    destination_node: str | None = None
    copied: int = 0
    is_replacing: bool = False

    @property
    def done(self) -> str:
        """What to say when it was interrupted."""
        if self.is_replacing:
            return "nothing is lost, the same command again completes it"
        return f"{self.copied} events were copied, --new goes on from there"

    def check(self) -> None:
        """Raise ``ClickException`` for options that do not go together."""
        if self.new and self.start is not None:
            raise click.ClickException(
                "Error: either specify 'new' or a starting timestamp, not both"
            )
        self.check_range()

    def check_range(self) -> None:
        """Raise ``ClickException`` unless start is before end."""
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise click.ClickException(
                f"Error: start {_human(self.start)} must be before end {_human(self.end)}"
            )


@click.command("copy")
@click.argument("source")
@click.argument("destination")
@bounds
@click.option(
    "-a",
    "--action",
    type=click.Choice(["ignore", "replace", "prompt"]),
    default="prompt",
    help="When DESTINATION has events in the range: add to them, replace them, or ask.",
)
@click.option("-n", "--new", is_flag=True, help="Begin with the last event of the destination.")
@click.option("-d", "--destination-node", metavar="NODE", help="Where DESTINATION is.")
def copy(**options: object) -> None:
    """Copy the events of the stream SOURCE that begin in the range to DESTINATION.

    DESTINATION is created if it is missing. With --new a copy goes on where the last one stopped.
    """
    request = EventRequest(**options)  # type: ignore[arg-type]  # click fills in what is declared
    request.check()
    with interruptible(lambda: request.done):
        _copy(request)


@on_node
async def _copy(node: Node, request: EventRequest) -> None:
    async with AsyncExitStack() as stack:
        target = node
        if request.destination_node is not None:
            target = await _other_node(request.destination_node, stack)
        await copy_events(node, target, request)
        output.ok()


async def _other_node(name: str, stack: AsyncExitStack) -> Node:
    try:
        found = joule.api.get_node(name)
    except ApiError as error:
        raise click.ClickException(f"Invalid destination node [{name}]") from error
    stack.push_async_callback(found.close)
    return found


async def copy_events(node: Node, target: Node, request: EventRequest) -> None:
    """Copy events from ``node`` to ``target``; ``request.copied`` tells how far it has come."""
    source = await node.event_stream_get(request.source)
    if target is node and request.source == request.destination:
        raise click.ClickException("Error: source and destination are the same stream")
    destination = await target.event_stream_get(
        request.destination,
        create=True,
        description=source.description or "",
        event_fields=source.event_fields,
        chunk_duration_us=source.chunk_duration_us,
    )
    known: list[Event] = []
    replaced: Replaced | None = None
    if request.new:
        known = await _last_events(target, destination, request)
        request.check_range()
    else:
        replaced = await _to_replace(target, destination, request)
    total = await node.event_stream_count(
        source, request.start, request.end, include_on_going_events=False
    )
    reading = node.event_stream_read(
        source,
        request.start,
        request.end,
        include_on_going_events=False,
        block_size=BLOCK,
    )
    with Progress("Copying events", total, unit="events") as progress:
        async for block in reading:
            fresh = _unknown(block, known)
            await target.event_stream_write(destination, fresh)
            request.copied += len(fresh)
            progress.advance(len(fresh), len(block))
    if replaced is not None:
        await replaced.remove()
        output.line("Removing existing events from destination...[OK]")


def _unknown(events: list[Event], known: list[Event]) -> list[Event]:
    """Give the events that are not among the known ones, each of which stands for one."""
    fresh = []
    for event in events:
        if event in known:
            known.remove(event)
        else:
            fresh.append(event)
    return fresh


async def _last_events(target: Node, stream: EventStream, request: EventRequest) -> list[Event]:
    """Give the events with which the destination ends: the copy begins at their start.

    An event that overlaps the last one may begin before that ends, so the copy cannot begin there.
    """
    stored = await target.event_stream_info(stream)
    if stored.start is None:
        output.line("Starting copy at beginning of source")
        return []
    last = await _last_start(target, stream, stored.start)
    output.line(f"Starting copy at {_human(last)}")
    request.start = last
    reading = target.event_stream_read(stream, last, include_on_going_events=False)
    return [event async for event in reading]


async def _last_start(node: Node, stream: EventStream, first: int) -> int:
    """Find the start of the youngest event by halving the time in which it can be."""
    low, high = first, 2**63 - 1
    while high - low > 1:
        middle = (low + high) // 2
        if await node.event_stream_count(stream, middle, include_on_going_events=False):
            low = middle
        else:
            high = middle
    return low


async def _to_replace(target: Node, stream: EventStream, request: EventRequest) -> Replaced | None:
    """Do what was asked for about events that are in the range already; None leaves them there."""
    start, end = request.start, request.end
    if request.action == "ignore":
        return None
    if not await target.event_stream_count(stream, start, end, include_on_going_events=False):
        return None
    if request.action == "prompt" and _chosen() == "i":
        return None
    request.is_replacing = True
    return await Replaced.look(target, stream, start, end)


def _chosen() -> str:
    """Ask what to do; ``ClickException`` when nothing is wanted."""
    output.note("The destination has events in this range: cancel, ignore them, or replace them?")
    key: str = click.prompt("Choose", type=click.Choice(["c", "i", "r"]), err=True)
    if key == "c":
        raise click.ClickException("Action cancelled")
    return key


def _human(timestamp: int) -> str:
    return joule.utilities.timestamp_to_human(timestamp).strip()
