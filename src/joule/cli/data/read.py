"""``joule data read``: rows as text or into a file, stored or live."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.data.columns import Columns, element_list
from joule.cli.data.copying import copy
from joule.cli.data.formats import FORMATS
from joule.cli.options import bounds
from joule.cli.progress import interruptible
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import DataStream, Node
    from joule.cli.data.copying import Sink
    from joule.models import Pipe


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
    format: str | None

    def check(self) -> None:
        """Raise ``ClickException`` for options that do not go together."""
        if self.live and (self.start is not None or self.end is not None):
            raise click.ClickException("specify either --live or --start/--end, not both")
        if self.live and self.max_rows is not None:
            raise click.ClickException("cannot specify --live and --max-rows")
        if self.file is None and self.format not in (None, "text", "csv"):
            raise click.ClickException(f"specify the file to write {self.format} to with --file")


@click.command("read")
@click.argument("stream")
@bounds
@click.option("-l", "--live", is_flag=True, help="Follow what is written now, until Ctrl-C.")
@click.option("-r", "--max-rows", type=int, help="Decimated view of this size at most.")
@click.option("-b", "--show-bounds", is_flag=True, help="Minima and maxima, too, with -r.")
@click.option("-m", "--mark-intervals", is_flag=True, help="Mark where the data is broken.")
@click.option("-i", "--elements", callback=element_list, help="Columns to show, like 0,2.")
@click.option(
    "-f", "--file", type=click.Path(dir_okay=False), help="Write to this file, not to the screen."
)
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Default: text, or as the name of the file ends; HDF5 if it says nothing.",
)
def read(**options: object) -> None:
    """Print the data of STREAM, a row to a line: timestamp, then values.

    With -r the values are means; with -b means, then minima, then maxima.
    """
    request = Request(**options)  # type: ignore[arg-type]  # click fills in what is declared above
    run(request)


def run(request: Request) -> None:
    """Check the request and carry it out."""
    request.check()
    if request.file is not None and not request.live:
        with interruptible(lambda: f"[{request.file}] was not written"):
            _read(request)
        return
    with contextlib.suppress(KeyboardInterrupt):
        _read(request)


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
    if request.file is None:
        return await copy(pipe, _screen(stream, columns, request))
    from joule.cli.data.save import Origin, Target, save

    target = Target(request.file, request.format, request.mark_intervals)
    origin = Origin(node, stream, request.stream, request.start, request.end, request.live)
    return await save(pipe, columns, target, origin)


def _screen(stream: DataStream, columns: Columns, request: Request) -> Sink:
    marks = request.mark_intervals
    if request.format == "csv":
        from joule.cli.data.csv_rows import CsvSink

        names = [element.name for element in columns.elements(stream.elements)]
        return CsvSink(output.raw, columns, names, mark_breaks=marks)
    from joule.cli.data.text import TextSink

    return TextSink(columns, output.raw, mark_breaks=marks)
