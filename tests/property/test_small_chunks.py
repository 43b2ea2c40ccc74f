"""Long random stories on the embedded engine with tiny chunks, against the reference engine.

Chunks of 64 rows make every seam come up often: joins, cuts, merges, breaks at chunk bounds, tails
that age. After each step both engines are asked everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import DuplicateTimestampError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine, chunks, covering, group_reading, reading, tails
from joule.storage.embedded.checking.catalog import Known
from joule.storage.embedded.checking.findings import Report
from joule.storage.embedded.checking.spans import check_spans
from joule.storage.embedded.snapshot import snapshot
from joule.storage.embedded.span_table import SpanTable
from joule.storage.interfaces import StreamRef
from joule.storage.memory import MemoryEngine
from joule.testing.engine_contract.checks import (
    assert_runs_equal,
    check_groups,
    make_rows,
    read_runs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.models.layout import Rows
    from joule.storage.embedded.checking import Finding
    from joule.storage.interfaces import Engine

STREAMS = (
    StreamRef(1, Layout("int16", 2)),
    StreamRef(2, Layout("float32", 1)),
    StreamRef(3, Layout("float64", 3), decimate=False),
)
STEPS = 60


@pytest.fixture(autouse=True)
def tiny_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    chunks.chunk_rows.cache_clear()
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 64)
    monkeypatch.setattr(reading, "CHUNK_BYTES", 1024)
    monkeypatch.setattr(reading, "STEP_BYTES", 3000)
    monkeypatch.setattr(group_reading, "STEP_SOURCES", 3)
    monkeypatch.setattr(covering, "FAN_OUT", 2)
    monkeypatch.setattr(covering, "YOUNG_CHUNKS", 1)
    monkeypatch.setattr(covering, "SPANS_AT_LEAST", 1)
    monkeypatch.setattr(tails, "LOG_BYTES_MAX", 4096)
    yield
    chunks.chunk_rows.cache_clear()


@pytest.mark.parametrize("seed", range(3))
async def test_random_stories_end_as_in_the_reference_engine(tmp_path: Path, seed: int) -> None:
    story = Story(tmp_path / "joule.db", seed)
    await story.tell(STEPS)
    assert story.highest > 2, "the story was too short for spans"


class Story:
    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._random = np.random.default_rng(seed)
        self._reference = MemoryEngine()
        self.highest = 0

    async def tell(self, steps: int) -> None:
        told = 0
        while told < steps:
            chapter = int(self._random.integers(5, 40))
            async with EmbeddedEngine(self._path) as engine:
                for stream in STREAMS:
                    await self._compare(engine, stream)
                for _ in range(chapter):
                    await self._step(engine)
            told += chapter

    async def _step(self, engine: Engine) -> None:
        stream = STREAMS[self._random.integers(len(STREAMS))]
        steps = {
            self._append: 8,
            self._insert: 5,
            self._delete: 2,
            self._consolidate: 2,
            self._decimations: 1,
            self._retain: 0.3,
            self._drop: 0.2,
        }
        weights = np.array(list(steps.values()))
        chosen = self._random.choice(len(steps), p=weights / weights.sum())
        await list(steps)[chosen](engine, stream)
        if self._random.random() < 0.6:
            await engine.samples.commit()
        if self._random.random() < 0.2:
            await engine.maintain()
        await self._compare(engine, stream)

    async def _append(self, engine: Engine, stream: StreamRef) -> None:
        last = (await self._reference.samples.info(stream)).end
        start = 10_000 if last is None else last + int(self._random.integers(1, 50))
        rows = self._rows(stream, start, int(self._random.choice([1, 3, 20, 90, 400])))
        flag = bool(self._random.random() < 0.3)
        for store in (engine.samples, self._reference.samples):
            store.append(stream, rows.copy(), starts_interval=flag)

    async def _insert(self, engine: Engine, stream: StreamRef) -> None:
        start, _ = await self._range(stream)
        rows = self._rows(stream, start, int(self._random.choice([1, 2, 10, 70, 300])))
        if self._random.random() < 0.8:
            rows = await self._new_only(stream, rows)
        flags = {"starts_interval": self._flag(), "ends_interval": self._flag()}
        faults = []
        for store in (engine.samples, self._reference.samples):
            try:
                await store.insert(stream, rows.copy(), **flags)
            except DuplicateTimestampError as error:
                faults.append(str(error))
        assert len(set(faults)) < 2
        assert len(faults) in (0, 2)

    async def _delete(self, engine: Engine, stream: StreamRef) -> None:
        bounds = await self._range(stream)
        removed = [await e.samples.delete(stream, bounds) for e in (engine, self._reference)]
        assert removed[0] == removed[1]

    async def _consolidate(self, engine: Engine, stream: StreamRef) -> None:
        bounds, gap = await self._range(stream), int(self._random.integers(0, 60))
        both = (engine, self._reference)
        closed = [await e.samples.consolidate(stream, bounds, gap) for e in both]
        assert closed[0] == closed[1]

    async def _decimations(self, engine: Engine, stream: StreamRef) -> None:
        await engine.samples.drop_decimations(stream)
        if self._flag():
            await engine.samples.decimate(stream)

    async def _retain(self, engine: Engine, stream: StreamRef) -> None:
        before, _ = await self._range(stream)
        removed = await engine.samples.retain(stream, before)
        rows = (await read_runs(self._reference.samples, stream))[0]
        times = np.concatenate([run["timestamp"] for run in rows]) if rows else np.empty(0)
        assert removed <= (times < before).sum()
        if removed == len(times):
            await self._reference.samples.retain(stream, before)
        elif removed:
            await self._reference.samples.retain(stream, int(times[removed]))

    async def _drop(self, engine: Engine, stream: StreamRef) -> None:
        for store in (engine.samples, self._reference.samples):
            await store.drop([stream.id])

    def _flag(self) -> bool:
        return bool(self._random.random() < 0.4)

    def _rows(self, stream: StreamRef, start: int, count: int) -> Rows:
        steps = self._random.integers(1, self._random.choice([2, 8, 40]), size=count)
        return make_rows(stream.layout, start + np.cumsum(steps) - steps[0])

    async def _new_only(self, stream: StreamRef, rows: Rows) -> Rows:
        runs, _ = await read_runs(self._reference.samples, stream)
        stored = [run["timestamp"] for run in runs]
        return rows[~np.isin(rows["timestamp"], np.concatenate(stored) if stored else [])]

    async def _range(self, stream: StreamRef) -> Interval:
        info = await self._reference.samples.info(stream)
        low = 5000 if info.start is None else info.start - 60
        high = 15_000 if info.end is None else info.end + 60
        start, end = sorted(int(t) for t in self._random.integers(low, high, size=2))
        return Interval(start, end + 1)

    async def _compare(self, engine: Engine, stream: StreamRef) -> None:
        await self._compare_range(engine, stream, ALL_TIME)
        for _ in range(3):
            await self._compare_range(engine, stream, await self._range(stream))
        found = await engine.samples.info(stream)
        expected = await self._reference.samples.info(stream)
        assert (found.rows, found.start, found.end) == (expected.rows, expected.start, expected.end)
        assert (found.bytes > 0) == (expected.rows > 0)

    async def _compare_range(self, engine: Engine, stream: StreamRef, bounds: Interval) -> None:
        store, reference = engine.samples, self._reference.samples
        runs, ends_in_gap = await read_runs(store, stream, bounds)
        expected, expected_gap = await read_runs(reference, stream, bounds)
        assert_runs_equal(runs, expected)
        assert ends_in_gap == expected_gap
        assert await store.count(stream, bounds) == await reference.count(stream, bounds)
        assert await store.intervals(stream, bounds) == await reference.intervals(stream, bounds)
        self._check_spans(stream)
        before = (stream, bounds.end)
        assert await store.last_before(*before) == await reference.last_before(*before)
        for level in (16, 64, 256, 4096):
            await check_groups(store, stream, expected, level, bounds)

    def _check_spans(self, stream: StreamRef) -> None:
        found: list[Finding] = []
        known = Known(layouts={stream.id: stream.layout})
        with snapshot(self._path) as connection:
            check_spans(connection, known, Report(found.append))
            self.highest = max(self.highest, SpanTable(connection).top(stream.id))
        assert found == []
