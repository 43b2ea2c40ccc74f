"""Rows of a stream into an HDF5 file, with a progress bar."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joule.cli import output
from joule.cli.data.copying import Sink, copy
from joule.cli.data.hdf5 import HdfSink
from joule.wire.json_models import element_to_json

if TYPE_CHECKING:
    from joule.api import DataStream, Node
    from joule.cli.data.columns import Columns
    from joule.models import Pipe
    from joule.models.layout import Rows


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows come from."""

    node: Node
    stream: DataStream
    path: str


async def save(pipe: Pipe, columns: Columns, file: str, origin: Origin) -> int:
    """Write what comes out of the pipe to ``file``; gives the number of rows.

    A file that is there is replaced, when the first rows come.
    """
    stored = await origin.node.data_stream_info(origin.stream)
    sink = HdfSink(file, columns, _attributes(columns, origin))
    with contextlib.closing(sink), output.progress("reading data", stored.total_time) as bar:
        return await copy(pipe, Progress(sink, bar))


def _attributes(columns: Columns, origin: Origin) -> dict[str, str]:
    elements = columns.elements(origin.stream.elements)
    return {
        "node_name": origin.node.name,
        "node_url": origin.node.url,
        "path": origin.path,
        "elements": json.dumps([element.name for element in elements]),
        "element_json": json.dumps([element_to_json(element) for element in elements]),
    }


class Progress:
    """A sink that moves a progress bar along by the timestamps that pass through it."""

    def __init__(self, sink: Sink, bar: Any) -> None:
        self._sink = sink
        self._bar = bar
        self._position: int | None = None

    def write(self, rows: Rows) -> None:
        """Pass ``(n,)`` rows on."""
        self._sink.write(rows)
        first, last = int(rows["timestamp"][0]), int(rows["timestamp"][-1])
        self._bar.update(last - (first if self._position is None else self._position))
        self._position = last

    def end_interval(self) -> None:
        """Pass the end of an interval on."""
        self._sink.end_interval()
