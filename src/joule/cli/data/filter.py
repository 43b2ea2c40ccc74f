"""``joule data filter``: a moving mean or median of a stream, interval by interval."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

import joule
from joule.cli import output
from joule.cli.data.places import NodeStream, name_stream
from joule.cli.options import timestamp
from joule.cli.progress import Progress, interruptible
from joule.cli.session import on_node
from joule.errors import StreamNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.api import Node
    from joule.client.sliding_window import Kernel, SlidingWindow
    from joule.models.intervals import Interval


@click.group("filter")
def group() -> None:
    """Store a smoothed copy of a stream."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments that all filters have."""
    for option in reversed(
        [
            click.argument("source"),
            click.argument("destination"),
            click.option("-w", "--window", type=int, required=True, help="Rows, an odd number."),
            click.option("--start", callback=timestamp, metavar="TIME", help="Start."),
            click.option("--end", callback=timestamp, metavar="TIME", help="End, not included."),
            click.option("-n", "--new", is_flag=True, help="From where the destination ends."),
            click.option("-y", "--yes", is_flag=True, help="Do not ask."),
        ]
    ):
        command = option(command)
    return command


@group.command("mean")
@_options
def mean(**options: Any) -> None:
    """Store the mean of each WINDOW rows of SOURCE in DESTINATION.

    What DESTINATION has in the intervals of SOURCE is replaced. A row has the time of the middle
    of its window; no window reaches over an interval break.
    """
    _start("Mean", **options)


@group.command("median")
@_options
def median(**options: Any) -> None:
    """Store the median of each WINDOW rows of SOURCE in DESTINATION, otherwise as mean does."""
    _start("Median", **options)


def _start(name: str, *, window: int, **options: Any) -> None:
    if window < 1 or window % 2 == 0:
        raise click.ClickException(f"the window must be an odd number of rows, not {window}")
    with interruptible(lambda: "the same command with --new continues"):
        _filter(name, window, **options)


@on_node
async def _filter(
    node: Node,
    name: str,
    window: int,
    *,
    source: str,
    destination: str,
    start: int | None,
    end: int | None,
    new: bool,
    yes: bool,
) -> None:
    output.line(f"{name} filter with window size {window}")
    origin = await NodeStream.find(node, source)
    target = await _existing(node, destination, len(origin.stream.elements))
    name_stream("Source Stream", source)
    name_stream("Destination Stream" if target else "Creating Destination", destination)
    if not yes and not output.confirm("Proceed?"):
        return
    target = target or await _created(node, destination, origin)
    intervals = await origin.intervals(start, end)
    if new:
        stored = await target.intervals(start, end)
        intervals = [each for each in intervals if not stored or each.end > stored[-1].end]
    from joule.cli.data.watched import WatchedWindow

    kernel = _kernel(name, window)
    with Progress("filtering", sum(end - begin for begin, end in intervals)) as progress:
        for span in intervals:
            output.line(f"Processing [{_human(span.start)}] -> [{_human(span.end)}]")
            watched = WatchedWindow(window, target.stream.rows_layout, kernel, progress, span)
            await _filter_interval(origin, target, span, watched)


async def _existing(node: Node, path: str, width: int) -> NodeStream | None:
    try:
        target = await NodeStream.find(node, path)
    except StreamNotFound:
        return None
    if len(target.stream.elements) != width:
        raise click.ClickException(f"Destination must have {width} elements")
    return target


async def _created(node: Node, path: str, source: NodeStream) -> NodeStream:
    folder, _, name = path.rpartition("/")
    if not folder:
        raise click.ClickException("Invalid stream path, must include a folder")
    elements = source.stream.elements
    stream = joule.api.DataStream(name=name, datatype="float32", elements=elements)
    return NodeStream(node, path, await node.data_stream_create(stream, folder))


async def _filter_interval(
    source: NodeStream, target: NodeStream, span: Interval, window: SlidingWindow
) -> None:
    from joule.client.sliding_window import run_window

    async with (
        source.read(span.start, span.end) as rows,
        await target.node.data_write(target.stream, span.start, span.end) as pipe,
    ):
        await run_window(rows, pipe, window)


def _kernel(name: str, size: int) -> Kernel:
    import numpy as np

    if name == "Median":
        from joule.client.builtins.median_filter.median_filter import medians

        return partial(medians, size)
    from joule.client.fir_filter_module import convolve

    return partial(convolve, np.full(size, 1 / size))


def _human(time_us: int) -> str:
    return joule.utilities.timestamp_to_human(time_us)
