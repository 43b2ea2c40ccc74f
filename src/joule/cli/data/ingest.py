"""``joule data ingest``: rows from an HDF5 file into a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.data.hdf5 import HdfSource
from joule.cli.session import on_node
from joule.errors import StreamNotFound
from joule.wire.json_models import element_from_json

if TYPE_CHECKING:
    from joule.api import DataStream, Element, Node
    from joule.models.layout import Layout


@click.command("ingest")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("-s", "--stream", metavar="PATH", help="Where to store it, default: as in the file.")
def ingest(file: str, stream: str | None) -> None:
    """Store the data of an HDF5 FILE, as joule data read -f writes it."""
    with HdfSource(file) as source:
        path = stream or source.attribute("path")
        if path is None:
            raise click.ClickException("Specify a target stream with --stream")
        _ingest(source, path)


@on_node
async def _ingest(node: Node, source: HdfSource, path: str) -> None:
    first, last = source.check()
    try:
        stream = await node.data_stream_get(path)
    except StreamNotFound:
        stream = await _create(node, source, path)
        await _write(node, source, stream, None)
        return
    output.line(f"Destination stream: {path}")
    _check_layout(stream.rows_layout, source.layout)
    span = (first, last + 1)
    overlap = await node.data_intervals(stream, *span)
    if overlap and not _agreed(first, last):
        return
    await _write(node, source, stream, span if overlap else None)


def _agreed(first: int, last: int) -> bool:
    human = joule.utilities.timestamp_to_human
    return output.confirm(f"This will remove existing data between {human(first)}- {human(last)}")


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


async def _create(node: Node, source: HdfSource, path: str) -> DataStream:
    folder, _, name = path.rpartition("/")
    if not folder:
        raise click.ClickException("Invalid stream path, must include a folder")
    output.line(f"creating [{path}]")
    stream = joule.api.DataStream(
        name=name, datatype=source.layout.datatype, elements=_elements(source)
    )
    return await node.data_stream_create(stream, folder)


def _elements(source: HdfSource) -> list[Element]:
    described = source.elements()
    if len(described) == source.layout.width:
        return [element_from_json(element) for element in described]
    return [joule.api.Element(name=f"Element {n}") for n in range(source.layout.width)]


async def _write(
    node: Node, source: HdfSource, stream: DataStream, replaced: tuple[int, int] | None
) -> None:
    start, end = replaced or (None, None)
    pipe = await node.data_write(stream, start, end)
    try:
        with output.progress("ingesting data", len(source)) as bar:
            for rows in source.blocks():
                await pipe.write(rows)
                bar.update(len(rows))
    finally:
        await pipe.close()
