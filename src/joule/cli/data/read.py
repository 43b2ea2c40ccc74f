"""``joule data read``: rows as text or into an HDF5 file, stored or live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from joule.cli.data.columns import Columns, element_list
from joule.cli.data.copying import copy
from joule.cli.data.text import TextSink
from joule.cli.options import bounds
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import DataStream, Node
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
        if request.file is not None and not request.live:
            raise  # the file is not what was asked for


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
        return await copy(pipe, TextSink(columns, mark_breaks=request.mark_intervals))
    from joule.cli.data.save import Origin, save  # its library takes long to load

    return await save(pipe, columns, request.file, Origin(node, stream, request.stream))
