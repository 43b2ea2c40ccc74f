"""``joule data read``: rows as text or into an HDF5 file, stored or live."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

from joule.cli import output
from joule.cli.data.columns import Columns, element_list
from joule.cli.data.hdf5 import HdfSink
from joule.cli.data.text import TextSink
from joule.cli.options import bounds
from joule.cli.session import on_node
from joule.errors import EmptyPipeError
from joule.models.intervals import MAX_TIME, MIN_TIME
from joule.wire.json_models import element_to_json

if TYPE_CHECKING:
    from joule.api import DataStream, Node
    from joule.models import Pipe
    from joule.models.layout import Rows


class Sink(Protocol):
    """Where rows go."""

    def write(self, rows: Rows) -> None:
        """Take ``(n,)`` rows, which the caller may overwrite afterwards."""

    def end_interval(self) -> None:
        """Take note that an interval ends."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to read and how to show it."""

    stream: str
    start: int | None
    end: int | None
    live: bool
    max_rows: int | None
    show_bounds: bool
    mark_intervals: bool
    elements: tuple[int, ...] | None
    file: str | None

    def check(self) -> None:
        """Raise ``ClickException`` for options that do not go together."""
        if self.live and (self.start is not None or self.end is not None):
            raise click.ClickException("specify either --live or --start/--end, not both")
        if self.live and self.max_rows is not None:
            raise click.ClickException("cannot specify --live and --max-rows")


@click.command("read")
@click.argument("stream")
@bounds
@click.option("-l", "--live", is_flag=True, help="Follow what is written now, until Ctrl-C.")
@click.option("-r", "--max-rows", type=int, help="Decimated view of this size at most.")
@click.option("-b", "--show-bounds", is_flag=True, help="Minima and maxima, too, with -r.")
@click.option("-m", "--mark-intervals", is_flag=True, help="Mark where the data is broken.")
@click.option("-i", "--elements", callback=element_list, help="Columns to show, like 0,2.")
@click.option("-f", "--file", type=click.Path(dir_okay=False), help="Write to this HDF5 file.")
def read(**options: object) -> None:
    """Print the data of STREAM, a row to a line: timestamp, then values.

    With -r the values are means; with -b means, then minima, then maxima.
    """
    request = Request(**options)  # type: ignore[arg-type]  # click fills in what is declared above
    request.check()
    try:
        _read(request)
    except KeyboardInterrupt:
        if not request.live:
            raise


@on_node
async def _read(node: Node, request: Request) -> None:
    stream = await node.data_stream_get(request.stream)
    pipe = await _open(node, stream, request)
    try:
        count = await _show(node, stream, pipe, request)
    finally:
        await pipe.close()
    if not count and not request.live:
        raise click.ClickException("This stream has no data")


async def _open(node: Node, stream: DataStream, request: Request) -> Pipe:
    if request.live:
        return await node.data_subscribe(stream)
    return await node.data_read(stream, request.start, request.end, request.max_rows)


async def _show(node: Node, stream: DataStream, pipe: Pipe, request: Request) -> int:
    columns = Columns.choose(
        request.elements,
        len(stream.elements),
        decimated=pipe.decimation_level > 1,
        bounds=request.show_bounds,
    )
    if request.file is not None:
        return await _save(node, stream, pipe, columns, request)
    return await _copy(pipe, TextSink(columns, mark_breaks=request.mark_intervals))


async def _copy(pipe: Pipe, sink: Sink) -> int:
    """Hand everything that comes out of the pipe to ``sink``; gives the number of rows."""
    count = 0
    with contextlib.suppress(EmptyPipeError):
        while True:
            rows = await pipe.read()
            if len(rows):
                sink.write(rows)
            if pipe.end_of_interval:
                sink.end_interval()
            pipe.consume(len(rows))
            count += len(rows)
    return count


async def _save(
    node: Node, stream: DataStream, pipe: Pipe, columns: Columns, request: Request
) -> int:
    assert request.file is not None
    stored = await node.data_stream_info(stream)
    start = max(request.start or MIN_TIME, stored.start or 0)
    end = min(MAX_TIME if request.end is None else request.end, stored.end or 0)
    sink = HdfSink(request.file, columns, _attributes(node, stream, columns, request))
    with contextlib.closing(sink), output.progress("reading data", end - start) as bar:
        return await _copy(pipe, Progress(sink, start, bar))


def _attributes(
    node: Node, stream: DataStream, columns: Columns, request: Request
) -> dict[str, str]:
    elements = columns.elements(stream.elements)
    return {
        "node_name": node.name,
        "node_url": node.url,
        "path": request.stream,
        "elements": json.dumps([element.name for element in elements]),
        "element_json": json.dumps([element_to_json(element) for element in elements]),
    }


class Progress:
    """A sink that moves a progress bar along by the timestamps that pass through it."""

    def __init__(self, sink: Sink, start: int, bar: Any) -> None:
        self._sink = sink
        self._position = start
        self._bar = bar

    def write(self, rows: Rows) -> None:
        """Pass ``(n,)`` rows on."""
        self._sink.write(rows)
        last = int(rows["timestamp"][-1])
        self._bar.update(last - self._position)
        self._position = last

    def end_interval(self) -> None:
        """Pass the end of an interval on."""
        self._sink.end_interval()
