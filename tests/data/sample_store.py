"""A small store with something of everything, as a file of the format that is current.

Kept as a file for each format, so that upgrades are tried on what an older Joule really wrote::

    python -m tests.data.sample_store

writes ``store-format-<number>.db.gz`` beside this script. What is in it is told by :func:`rows`
and the constants, never by the file itself.
"""

from __future__ import annotations

import asyncio
import gzip
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.models.events import Event
from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.database import FORMAT_VERSION
from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    EventQuery,
    EventStreamRecord,
    FolderRecord,
    Kind,
    StreamRef,
)

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import Record

FOLDER: Final = Path(__file__).parent

FAST: Final = StreamRef(1, Layout("int16", 2))
WIDE: Final = StreamRef(2, Layout("float64", 20))
PLAIN: Final = StreamRef(3, Layout("float32", 1), decimate=False)
GONE: Final = StreamRef(4, Layout("uint8", 1))
STREAMS: Final = (FAST, WIDE, PLAIN)
EVENT_STREAM: Final = 1
EVENTS: Final = tuple(Event(i * 5, None if i % 9 == 0 else i * 5 + i, {"n": i}) for i in range(40))

RUNS: Final = {
    FAST.id: [range(100), range(200, 4000), range(4005, 4405), range(5000, 5020)],
    WIDE.id: [range(0, 100, 2), range(300, 400), range(405, 600), range(1000, 1030)],
    PLAIN.id: [range(7), range(10, 17), range(20, 30), range(40, 44)],
}
"""Times of the rows of each stream, one range for each interval."""


def rows(stream: StreamRef, times: range) -> Rows:
    """Rows at these times, their values made from them."""
    found = np.zeros(len(times), stream.layout.dtype)
    found["timestamp"] = times
    values = np.array(times)[:, None] * 7 + np.arange(stream.layout.width)
    found["data"] = values % 100
    return found


def path_of(number: int) -> Path:
    """Where the file of a format is."""
    return FOLDER / f"store-format-{number}.db.gz"


def unpack(number: int, path: Path) -> None:
    """Put the store of a format to ``path``."""
    path.write_bytes(gzip.decompress(path_of(number).read_bytes()))


async def fill(path: Path) -> None:
    """Write the store: chunks, groups, breaks, records that count and that do not, floors."""
    async with EmbeddedEngine(path) as engine:
        await engine.catalog.apply(CatalogChanges(_records()))
        await engine.catalog.set_property("uuid", "sample")
        store = engine.samples
        for stream in STREAMS:
            first, second, third, last = RUNS[stream.id]
            store.append(stream, rows(stream, first), starts_interval=True)
            await store.commit()
            store.append(stream, rows(stream, second), starts_interval=True)
            await store.commit()
            await store.insert(
                stream, rows(stream, third), starts_interval=True, ends_interval=True
            )
            store.append(stream, rows(stream, last[: len(last) // 2]), starts_interval=True)
            await store.commit()
        for stream in STREAMS:  # the same interval, in a record of its own for all of them
            last = RUNS[stream.id][-1]
            store.append(stream, rows(stream, last[len(last) // 2 :]))
        await store.insert(GONE, rows(GONE, range(50)), starts_interval=True, ends_interval=True)
        await engine.events.write(EVENT_STREAM, [*EVENTS, Event(10**6, None, {"gone": True})])
        await engine.events.remove(EVENT_STREAM, EventQuery(Interval(10**6, 10**6 + 1)))
        await engine.catalog.apply(CatalogChanges(delete=[(Kind.DATA_STREAM, GONE.id)]))


def _records() -> list[Record]:
    return [
        FolderRecord(1, "root", None, None, 1),
        FolderRecord(2, "sample", "text", 1, 2),
        *map(_stream_record, (*STREAMS, GONE)),
        EventStreamRecord(EVENT_STREAM, "events", None, {"n": "numeric"}, 0, -1, False, 2, 7),
        AnnotationRecord(1, 1, "note", None, 5, None),
    ]


def _stream_record(stream: StreamRef) -> DataStreamRecord:
    elements = tuple(
        ElementRecord(100 * stream.id + i, i, f"e{i}", None, True, "CONTINUOUS", 0, 1, None, None)
        for i in range(stream.layout.width)
    )
    return DataStreamRecord(
        stream.id, f"s{stream.id}", None, stream.layout.datatype, -1, stream.decimate, False, 2, 5,
        elements,
    )  # fmt: skip


def main() -> None:
    """Write the file of the current format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "joule.db"
        asyncio.run(fill(path))
        path_of(FORMAT_VERSION).write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main()
