"""``joule data merge``: several streams side by side in one, on the timestamps of the first."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.data.missing import false_breaks, missing
from joule.cli.data.places import NodeStream, name_stream
from joule.cli.options import timestamp
from joule.cli.progress import Progress, interruptible
from joule.cli.session import on_node
from joule.errors import ApiError, StreamNotFound
from joule.models.intervals import Interval, bounded, intersection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.api import Element, Node
    from joule.cli.data.missing import Piece

NEGLIGIBLE_US = 1_000_000
"""Pieces of at most this length are not merged."""


@dataclass(frozen=True, slots=True)
class Input:
    """A stream to merge, and what its elements are called in the result."""

    place: NodeStream
    prefix: str

    def elements(self) -> list[Element]:
        """Give the elements it adds to the result."""
        return [
            joule.api.Element(f"{self.prefix} {element.name}", element.units)
            for element in self.place.stream.elements
        ]


@click.command("merge")
@click.option("-p", "--primary", required=True, metavar="STREAM[:PREFIX]", help="Gives the times.")
@click.option("-s", "--secondary", multiple=True, metavar="STREAM[:PREFIX]", help="Repeatable.")
@click.option("-d", "--destination", required=True, metavar="STREAM", help="Where to.")
@click.option("--start", callback=timestamp, metavar="TIME", help="Start.")
@click.option("--end", callback=timestamp, metavar="TIME", help="End, not included.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def merge(
    primary: str,
    secondary: tuple[str, ...],
    destination: str,
    start: int | None,
    end: int | None,
    yes: bool,
) -> None:
    """Join streams: rows of the primary, with the others' values interpolated at their times.

    Only where all of them have data and the destination has none yet, so a merge that was cut off
    continues when the same command is given again.
    """
    with interruptible(lambda: "the same command again continues"):
        _merge(primary, secondary, destination, (start, end), yes)


@on_node
async def _merge(
    node: Node,
    primary: str,
    secondary: tuple[str, ...],
    destination: str,
    bounds: tuple[int | None, int | None],
    yes: bool,
) -> None:
    inputs = [await _input(node, primary, "Primary")]
    inputs += [await _input(node, text, "Secondary") for text in secondary]
    name_stream("Primary Stream", primary)
    name_stream("Secondary Streams", ", ".join(secondary))
    target = await _existing(node, destination, inputs)
    name_stream("Destination Stream" if target else "Creating Destination", destination)
    if not yes and not output.confirm("Proceed?"):
        return
    await _run(inputs, target or await _created(node, destination, inputs), bounds)


async def _input(node: Node, text: str, role: str) -> Input:
    path, _, prefix = text.partition(":")
    try:
        place = await NodeStream.find(node, path)
    except ApiError as error:
        raise click.ClickException(f"{role} stream {path}: {error}") from error
    return Input(place, prefix or place.stream.name)


async def _existing(node: Node, path: str, inputs: Sequence[Input]) -> NodeStream | None:
    try:
        target = await NodeStream.find(node, path)
    except StreamNotFound:
        return None
    width = sum(len(each.place.stream.elements) for each in inputs)
    if len(target.stream.elements) != width:
        raise click.ClickException(f"Destination must have {width} elements")
    if not target.stream.datatype.startswith("float"):
        raise click.ClickException("Destination must be a float datatype")
    return target


async def _created(node: Node, path: str, inputs: Sequence[Input]) -> NodeStream:
    folder, _, name = path.rpartition("/")
    if not folder:
        raise click.ClickException("Invalid stream path, must include a folder")
    elements = [element for each in inputs for element in each.elements()]
    stream = joule.api.DataStream(name=name, datatype="float32", elements=elements)
    return NodeStream(node, path, await node.data_stream_create(stream, folder))


async def _run(
    inputs: Sequence[Input], target: NodeStream, bounds: tuple[int | None, int | None]
) -> None:
    common = reduce(intersection, [await each.place.intervals(None, None) for each in inputs])
    within = bounded(*bounds)
    wanted = missing(common, await target.intervals(None, None), within)
    pieces = [piece for piece in wanted if piece.length > NEGLIGIBLE_US]
    if not pieces:
        output.line("Destination already has all the data, nothing to do")
        return
    first, last = _human(pieces[0].start), _human(pieces[-1].end)
    output.line(f"Merging from {first} to {last} ({len(pieces)} intervals)")
    with Progress("merging", sum(piece.length for piece in pieces)) as progress:
        for piece in pieces:
            output.line(f"Processing [{_human(piece.start)}] -> [{_human(piece.end)}]")
            around = next(each for each in common if each.start <= piece.start < each.end)
            await _merge_piece(inputs, target, piece, around, progress)
    breaks = false_breaks(common, await target.intervals(None, None))
    await target.join(each for each in breaks if any(piece.end in each for piece in pieces))


async def _merge_piece(
    inputs: Sequence[Input],
    target: NodeStream,
    piece: Piece,
    around: Interval,
    progress: Progress,
) -> None:
    """Write the rows of the primary in ``piece``.

    The others are read a little beyond it, within the common interval ``around`` it is part of, so
    that there is a value on either side of its first and last row.
    """
    from joule.cli.data.watched import WatchedTrack
    from joule.client.builtins.merge_filter.merge_filter import Merge
    from joule.client.builtins.merge_filter.tracks import Track

    async with AsyncExitStack() as stack:
        rows = await stack.enter_async_context(inputs[0].place.read(piece.start, piece.end))
        tracks: list[Track] = [WatchedTrack(rows, progress, piece.start)]
        for each in inputs[1:]:
            margin = await _margin_us(each)
            start = max(around.start, piece.start - margin)
            end = min(around.end, piece.end + margin)
            tracks.append(Track(await stack.enter_async_context(each.place.read(start, end))))
        gap = piece.length if piece.continues else 0
        pipe = await target.node.data_write(target.stream, merge_gap=gap)
        await Merge(tracks, await stack.enter_async_context(pipe)).run()


async def _margin_us(source: Input) -> int:
    """Give a time in which the stream has rows: some of its mean distances, at least a second."""
    stored = await source.place.node.data_stream_info(source.place.stream)
    return max(1_000_000, 4 * stored.total_time // max(1, stored.rows))


def _human(time_us: int) -> str:
    return joule.utilities.timestamp_to_human(time_us)
