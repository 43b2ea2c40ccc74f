"""``joule data copy``: what a stream has and another one lacks, on the same node or elsewhere."""

from __future__ import annotations

from contextlib import AsyncExitStack
from copy import copy as copied
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.data.missing import false_breaks, missing, runs
from joule.cli.data.places import NodeStream
from joule.cli.data.transfer import Transfer
from joule.cli.options import bounds
from joule.cli.progress import Progress, interruptible
from joule.cli.session import on_node
from joule.errors import ApiError, StreamNotFound
from joule.models.intervals import bounded, clip

if TYPE_CHECKING:
    from joule.api import DataStream, Element, Node
    from joule.cli.data.missing import Piece
    from joule.cli.data.places import Source
    from joule.models.annotations import Annotation


@dataclass(slots=True)
class Request:
    """What to copy where."""

    source: str
    destination: str
    start: int | None
    end: int | None
    new: bool
    destination_node: str | None
    source_url: str | None
    yes: bool
    done: str = "nothing was copied"

    def check(self) -> None:
        """Raise ``ClickException`` for options that do not go together."""
        if self.new and self.start is not None:
            raise click.ClickException(
                "Error: either specify 'new' or a starting timestamp, not both"
            )
        self.check_bounds()

    def check_bounds(self) -> None:
        """Raise ``ClickException`` unless start is before end."""
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise click.ClickException(
                f"Error: start [{_exact(self.start)}] must be before end [{_exact(self.end)}]"
            )


@click.command("copy")
@click.argument("source")
@click.argument("destination")
@bounds
@click.option("-n", "--new", is_flag=True, help="Begin behind the data of the destination.")
@click.option("-d", "--destination-node", metavar="NODE", help="Where DESTINATION is.")
@click.option("--source-url", metavar="URL", help="NilmDB server that SOURCE is on.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask when the elements differ.")
def copy(**options: object) -> None:
    """Copy the data of the stream SOURCE that DESTINATION does not have yet.

    Intervals stay as they are and annotations are copied, too. DESTINATION is created if it is
    missing. A copy that was cut off continues when the same command is given again.
    """
    request = Request(**options)  # type: ignore[arg-type]  # click fills in what is declared above
    request.check()
    with interruptible(lambda: request.done):
        _copy(request)


@on_node
async def _copy(node: Node, request: Request) -> None:
    async with AsyncExitStack() as stack:
        target = await _destination_node(node, request.destination_node, stack)
        if request.source_url is None:
            source: Source = await NodeStream.find(node, request.source)
        else:
            from joule.cli.data.nilmdb import NilmdbStream

            source = await stack.enter_async_context(
                NilmdbStream(request.source_url, request.source)
            )
        await copy_stream(source, target, request)


async def _destination_node(node: Node, name: str | None, stack: AsyncExitStack) -> Node:
    if name is None:
        return node
    try:
        found = joule.api.get_node(name)
        stack.push_async_callback(found.close)
        await found.version()
    except ApiError as error:
        raise click.ClickException(
            f"Error: cannot connect to destination node [{name}]: {error}"
        ) from error
    return found


async def copy_stream(source: Source, node: Node, request: Request) -> None:
    """Copy a stream to ``request.destination`` on a node, which is created if it is missing."""
    whole = await source.intervals(None, None)
    if not whole:
        raise click.ClickException(f"[{source.path}] has no data")
    target = await destination(source, node, request)
    if request.new:
        request.start = await _behind(target)
        request.check_bounds()
    within = bounded(request.start, request.end)
    available = clip(whole, within)
    stored = await target.intervals(None, None)
    pieces = missing(whole, stored, within)
    if pieces:
        await _copy_rows(source, target, runs(pieces, stored), request)
        output.line("\tOK")
    else:
        output.line("Nothing to copy, syncing annotations" if available else "Nothing to copy")
    await target.join(false_breaks(available, clip(await target.intervals(None, None), within)))
    await copy_annotations(source, target, request)


async def destination(source: Source, node: Node, request: Request) -> NodeStream:
    """Find or create the destination; ``Abort`` when it is not the one that was meant."""
    try:
        target = await NodeStream.find(node, request.destination)
    except StreamNotFound:
        folder, _, name = request.destination.rpartition("/")
        if not folder:
            raise click.ClickException("Invalid stream path, must include a folder") from None
        output.line("\tcreating destination stream")
        made = await node.data_stream_create(_template(source.stream, name), folder)
        return NodeStream(node, request.destination, made)
    ours, theirs = source.stream, target.stream
    if ours.layout != theirs.layout:
        raise click.ClickException(
            f"Error: source ({ours.layout}) and destination ({theirs.layout}) "
            "datatypes are not compatible"
        )
    differ = _described(ours.elements) != _described(theirs.elements)
    if differ and not request.yes:
        click.confirm("WARNING: Element configurations do not match. Continue?", abort=True)
    return target


def _described(elements: list[Element]) -> list[tuple[str, str]]:
    return [(element.name, element.units or "") for element in elements]


def _template(stream: DataStream, name: str) -> DataStream:
    """Give a stream like this one, with all that its elements have, that keeps everything."""
    return joule.api.DataStream(
        name=name,
        description=stream.description,
        datatype=stream.datatype,
        decimate=stream.decimate,
        elements=[copied(element) for element in stream.elements],
    )


async def _behind(target: NodeStream) -> int | None:
    stored = await target.intervals(None, None)
    if not stored:
        output.line("Starting copy at beginning of source")
        return None
    output.line(f"Starting copy at [{_human(stored[-1].end)}]")
    return stored[-1].end


async def _copy_rows(
    source: Source, target: NodeStream, planned: list[list[Piece]], request: Request
) -> None:
    length = sum(piece.length for run in planned for piece in run)
    with Progress("Copying data", length) as progress:
        transfer = Transfer(source, target, progress)
        try:
            for run in planned:
                await transfer.run(run)
        finally:
            request.done = transfer.summary


async def copy_annotations(source: Source, target: NodeStream, request: Request) -> None:
    """Copy the annotations of the range that the destination does not have."""
    wanted = await source.annotations(request.start, request.end)
    existing = {_identity(each) for each in await target.annotations(request.start, request.end)}
    for annotation in wanted:
        if _identity(annotation) not in existing:
            await target.node.annotation_create(annotation, target.stream)


def _identity(annotation: Annotation) -> tuple[str, str, int, int | None]:
    return annotation.title, annotation.content or "", annotation.start, annotation.end


def _human(timestamp: int) -> str:
    return joule.utilities.timestamp_to_human(timestamp)


def _exact(timestamp: int) -> str:
    return str(joule.utilities.timestamp_to_datetime(timestamp).replace(tzinfo=None))
