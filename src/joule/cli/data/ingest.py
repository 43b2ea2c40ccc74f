"""``joule data ingest``: rows from a file into a stream.

The whole file is looked through before anything is stored. When storing then fails or is stopped,
what was stored is removed again: either all rows of the file are in the stream or none.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec

import click

import joule
from joule.cli import output
from joule.cli.data.mapping import ColumnMap, pairs
from joule.cli.data.row_file import check
from joule.cli.progress import Progress, grouped, interruptible
from joule.cli.session import on_node
from joule.errors import JouleError, StreamNotFound
from joule.models.base import DATATYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from joule.api import DataStream, Element, Node
    from joule.cli.data.row_file import Contents, RowFile
    from joule.models import Pipe
    from joule.models.layout import Layout

P = ParamSpec("P")

LEFT = "some rows of the file may be stored; the same command with --yes replaces them"


@dataclass(slots=True)
class Request:
    """How to store a file; ``done`` says what came of it."""

    path: str
    datatype: str | None
    columns: dict[str, str]
    yes: bool
    done: str = "nothing was stored"


def storing(command: Callable[P, None]) -> Callable[P, None]:
    """Add the options that say how to store a file."""
    for option in (
        click.option("-y", "--yes", is_flag=True, help="Replace stored data without asking."),
        click.option(
            "-m",
            "--map",
            "columns",
            multiple=True,
            callback=pairs,
            metavar="ELEMENT=COLUMN",
            help="Which column of the file goes into an element; repeatable.",
        ),
        click.option(
            "-t", "--datatype", type=click.Choice(DATATYPES), help="Of a stream made for a CSV."
        ),
        click.option(
            "-s", "--stream", metavar="PATH", help="Where to store it, default: as in the file."
        ),
    ):
        command = option(command)
    return command


@click.command("ingest")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@storing
def ingest(
    file: str, stream: str | None, datatype: str | None, columns: dict[str, str], yes: bool
) -> None:
    """Store the data of FILE, HDF5 or CSV as joule data read -f writes it."""
    with request_for(file, stream, datatype, columns, yes=yes) as (source, request):
        on_node(store)(source, request)


@contextmanager
def request_for(
    file: str, stream: str | None, datatype: str | None, columns: dict[str, str], *, yes: bool
) -> Iterator[tuple[RowFile, Request]]:
    """Open a file and say what to do with it; Ctrl-C says what was done."""
    with open_file(file) as source:
        path = stream or source.attribute("path")
        if path is None:
            raise click.ClickException("Specify a target stream with --stream")
        request = Request(path, datatype, columns, yes)
        with interruptible(lambda: request.done):
            yield source, request


def open_file(path: str) -> RowFile:
    """Open a file: CSV if its name says so, HDF5 otherwise."""
    if path.lower().endswith(".csv"):
        from joule.cli.data.csv_file import CsvSource

        return CsvSource(path)
    from joule.cli.data.hdf5 import HdfSource

    return HdfSource(path)


async def store(node: Node, source: RowFile, request: Request) -> None:
    """Store a file in a stream of the node, which is created if it is missing."""
    try:
        stream = await node.data_stream_get(request.path)
    except StreamNotFound:
        await _into_new_stream(node, source, request)
        return
    source.take_datatype(stream.datatype)
    columns = _columns(source, stream.elements, request)
    _check_layout(stream.rows_layout, columns.layout(source.layout))
    contents = check(source)
    output.line(f"Destination stream: {request.path}")
    overlap = await node.data_intervals(stream, contents.first, contents.last + 1)
    if overlap and not request.yes and not _agreed(contents):
        return
    await _write(node, source, stream, contents, columns, request, replace=bool(overlap))


async def _into_new_stream(node: Node, source: RowFile, request: Request) -> None:
    source.take_datatype(request.datatype)
    contents = check(source)
    stream = await _create(node, source, request.path)
    columns = _columns(source, stream.elements, request)
    try:
        await _write(node, source, stream, contents, columns, request, replace=False)
    except BaseException:
        await _undone(node.data_stream_delete(stream), request)
        raise


def _columns(source: RowFile, elements: list[Element], request: Request) -> ColumnMap:
    names = [element.name for element in source.elements()]
    return ColumnMap.choose(names, [element.name for element in elements], request.columns)


def _agreed(contents: Contents) -> bool:
    first, last = (joule.utilities.timestamp_to_human(time) for time in contents[:2])
    return output.confirm(f"This will remove existing data between {first}- {last}")


def _check_layout(stream: Layout, file: Layout) -> None:
    if stream.datatype != file.datatype:
        raise click.ClickException(
            f"Incompatible datatypes, stream is [{stream.datatype}] "
            f"and data file is [{file.datatype}]"
        )
    if stream.width != file.width:
        raise click.ClickException(
            f"DataStream has [{stream.width}] elements but data file has [{file.width}] elements"
        )


async def _create(node: Node, source: RowFile, path: str) -> DataStream:
    folder, _, name = path.rpartition("/")
    if not folder:
        raise click.ClickException("Invalid stream path, must include a folder")
    output.line(f"creating [{path}]")
    stream = joule.api.DataStream(
        name=name, datatype=source.layout.datatype, elements=_elements(source)
    )
    return await node.data_stream_create(stream, folder)


def _elements(source: RowFile) -> list[Element]:
    described = source.elements()
    if len(described) == source.layout.width:
        return described
    return [joule.api.Element(name=f"Element {n}") for n in range(source.layout.width)]


async def _write(
    node: Node,
    source: RowFile,
    stream: DataStream,
    contents: Contents,
    columns: ColumnMap,
    request: Request,
    *,
    replace: bool,
) -> None:
    span = (contents.first, contents.last + 1)
    pipe = await node.data_write(stream, *(span if replace else (None, None)))
    try:
        with Progress("ingesting data", contents.rows) as progress:
            await _fill(pipe, source, columns, progress)
    except BaseException:
        await _undone(node.data_delete(stream, *span), request)
        raise
    request.done = f"all {grouped(contents.rows)} rows were stored"


async def _fill(pipe: Pipe, source: RowFile, columns: ColumnMap, progress: Progress) -> None:
    try:
        for part in source.parts():
            if part.begins and progress.rows:
                await pipe.close_interval()
            await pipe.write(columns.apply(part.rows))
            progress.advance(len(part.rows), len(part.rows))
    finally:
        await pipe.close()


async def _undone(removing: Coroutine[Any, Any, object], request: Request) -> None:
    """Remove what was stored of the file; says so when that fails, too."""
    try:
        await removing
    except JouleError:
        request.done = LEFT
        output.note(LEFT)
