"""Stores with something of everything in them, for tests of copies and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.errors import DuplicateTimestampError
from joule.models.events import Event
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.checking import check_store
from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    EventStreamRecord,
    FolderRecord,
    MasterRecord,
    StreamRef,
)
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from pathlib import Path

    from joule.storage.interfaces import Record, SampleStore

WIDE = StreamRef(1, Layout("float64", 100))
INTS = StreamRef(2, Layout("int16", 3))
PLAIN = StreamRef(3, Layout("float32", 50), decimate=False)
STREAMS = (WIDE, INTS, PLAIN)


def stream_record(stream: StreamRef) -> DataStreamRecord:
    elements = tuple(
        ElementRecord(
            1000 * stream.id + i, i, f"e{i}", None, True, "CONTINUOUS", 0, 1.5, None, None
        )
        for i in range(stream.layout.width)
    )
    return DataStreamRecord(
        stream.id, f"s{stream.id}", None, stream.layout.datatype, -1, stream.decimate, False, 2, 5,
        elements,
    )  # fmt: skip


def records() -> list[Record]:
    return [
        FolderRecord(1, "root", None, None, 1),
        FolderRecord(2, "folder", "text", 1, 2),
        *map(stream_record, STREAMS),
        EventStreamRecord(1, "events", None, {"a": "string"}, 0, -1, False, 2, 7),
        AnnotationRecord(1, 1, "note", None, 5, None),
        MasterRecord(1, "alice", "USER", b"h" * 32, "admin", None),
    ]


async def fill(path: Path) -> None:
    """Make a store with chunks, pyramids, breaks, a tail and events."""
    async with EmbeddedEngine(path) as engine:
        await engine.catalog.apply(CatalogChanges(put=records()))
        await engine.catalog.set_property("uuid", "123")
        for stream in STREAMS:
            for start in (0, 3000):
                rows = make_rows(stream.layout, np.arange(start, start + 2500))
                engine.samples.append(stream, rows, starts_interval=True)
                await engine.samples.commit()
        late = make_rows(WIDE.layout, np.arange(2600, 2700))
        await engine.samples.insert(WIDE, late, starts_interval=True, ends_interval=True)
        await engine.samples.delete(WIDE, Interval(100, 130))
        for stream in STREAMS:
            engine.samples.append(stream, make_rows(stream.layout, np.arange(6000, 6020)))
        await engine.samples.commit()
        await engine.events.write(1, [Event(i, i + 3, {"a": str(i)}) for i in range(200)])


async def random_changes(engine: EmbeddedEngine, random: np.random.Generator, count: int) -> None:
    """Do many things to the rows of all streams, most of them where there are some."""
    store = engine.samples
    for _ in range(count):
        stream = STREAMS[random.integers(len(STREAMS))]
        info = await store.info(stream)
        first, last = info.start or 0, info.end or 0
        start = int(random.integers(first - 10, last + 10))
        span = Interval(start, start + int(random.integers(1, 2000)))
        match random.integers(9):
            case 0 | 1 | 2:
                await _append(store, stream, last, random)
            case 3:
                times = np.arange(span.start, span.end, random.integers(1, 9))
                await _insert(store, stream, times, random)
            case 4:
                await store.delete(stream, span)
            case 5:
                await store.consolidate(stream, ALL_TIME, int(random.integers(0, 300)))
            case 6:
                await store.retain(stream, first + int(random.integers(0, 300)))
            case 7:
                await (store.decimate if random.random() < 0.8 else store.drop_decimations)(stream)
            case 8:
                await engine.maintain()


async def _append(
    store: SampleStore, stream: StreamRef, last: int, random: np.random.Generator
) -> None:
    count = int(random.choice([1, 10, 300, 4000]))
    steps = random.integers(1, 1000 if random.random() < 0.1 else 5, count)
    times = last + np.cumsum(steps)
    store.append(stream, make_rows(stream.layout, times), starts_interval=random.random() < 0.5)
    if random.random() < 0.7:
        await store.commit()


async def _insert(
    store: SampleStore, stream: StreamRef, times: np.ndarray, random: np.random.Generator
) -> None:
    before, behind = random.random(2) < 0.5
    try:
        await store.insert(
            stream, make_rows(stream.layout, times), starts_interval=before, ends_interval=behind
        )
    except DuplicateTimestampError:
        return


def findings(path: Path) -> list[str]:
    """What a check of a store says, as texts."""
    found: list[str] = []
    check_store(path, lambda finding: found.append(f"{finding.place}: {finding.text}"))
    return found
