"""A sample store and a model of plain Python, driven side by side and compared after each step."""

from __future__ import annotations

import asyncio
import math
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from joule.errors import DuplicateTimestampError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.testing.store_model import StoreModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from typing import Any, TypeVar

    from joule.models.layout import Rows
    from joule.storage.interfaces import Block, DecimatedBlock, Engine, SampleStore

    T = TypeVar("T")

CHUNK_BYTES_MAX = 1 << 20

# Wide rows fill a chunk with few of them: 52 428, 256 and 65 rows make 512 KiB.
LAYOUTS = [Layout("int16", 1), Layout("float64", 255), Layout("float32", 2000)]


counts = st.integers(1, 6) | st.integers(1, 300)
steps = st.integers(1, 20)
places = st.floats(-0.1, 1.1)
levels = st.sampled_from([1, 4, 16, 64, 256, 1024, 4096, 16384, 65536])


class StoreAgainstModel(RuleBasedStateMachine):
    """One stream of an engine and its model, driven side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.model = StoreModel()
        self.folder = Path(tempfile.mkdtemp(prefix="joule-store-"))
        # Not asyncio.Runner: it prints a task's result to set its signal handler, for each run.
        self.loop = asyncio.new_event_loop()
        self.engine = self.new_engine()
        self.run(self.engine.__aenter__())
        self.stream = StreamRef(1, LAYOUTS[0])
        self.salt = 0

    def new_engine(self) -> Engine:
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @property
    def store(self) -> SampleStore:
        return self.engine.samples

    def teardown(self) -> None:
        try:
            self.run(self.engine.__aexit__(None, None, None))
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
            shutil.rmtree(self.folder)

    # ------------------------------------------------------------------ what is done

    @initialize(layout=st.sampled_from(LAYOUTS), decimate=st.booleans())
    def begin(self, layout: Layout, decimate: bool) -> None:
        self.stream = StreamRef(1, layout, decimate)

    @rule(count=counts, gap=steps, step=steps, starts_interval=st.booleans())
    def append(self, count: int, gap: int, step: int, starts_interval: bool) -> None:
        first = max(self.model.times, default=-1000) + gap
        new = self.values(range(first, first + count * step, step))
        self.store.append(self.stream, self.rows(new), starts_interval=starts_interval)
        self.model.add(new, before=starts_interval, behind=False)

    @rule()
    def commit(self) -> None:
        self.run(self.store.commit())
        assert self.store.pending_bytes == 0

    @rule()
    def make_room(self) -> None:
        self.run(self.store.make_room())

    @rule(place=places, count=counts, step=steps, before=st.booleans(), behind=st.booleans())
    def insert(self, place: float, count: int, step: int, before: bool, behind: bool) -> None:
        first = self.time_at(place)
        new = self.values(range(first, first + count * step, step))
        there = [time for time in new if time in self.model.values]
        if there:
            with pytest.raises(
                DuplicateTimestampError, match=rf"(?<![-\d]){there[0]} already exists"
            ):
                self.insert_rows(new, before=before, behind=behind)
        else:
            self.insert_rows(new, before=before, behind=behind)
            self.model.add(new, before=before, behind=behind)

    @precondition(lambda self: len(self.model.values) > 1)
    @rule(gap=st.integers(0, 2000), before=st.booleans(), behind=st.booleans())
    def fill_a_gap(self, gap: int, before: bool, behind: bool) -> None:
        pairs = [pair for pair in pairwise(self.model.times) if pair[1] - pair[0] > 1]
        if pairs:
            left, right = pairs[gap % len(pairs)]
            new = self.values(range(left + 1, right, max(1, (right - left) // 4)))
            self.insert_rows(new, before=before, behind=behind)
            self.model.add(new, before=before, behind=behind)

    @rule(start=places, end=places)
    def delete(self, start: float, end: float) -> None:
        interval = Interval(self.time_at(start), self.time_at(end))
        doomed = self.model.inside(interval)
        assert self.run(self.store.delete(self.stream, interval)) == len(doomed)
        self.model.remove(doomed)

    @rule(start=places, end=places, gap=st.integers(0, 25))
    def consolidate(self, start: float, end: float, gap: int) -> None:
        interval = Interval(self.time_at(start), self.time_at(end))
        known = set(self.model.inside(interval))
        inside = [pair for pair in self.model.breaks if known.issuperset(pair)]
        gone = {(left, right) for left, right in inside if right - left - 1 <= gap}
        assert self.run(self.store.consolidate(self.stream, interval, gap)) == len(gone)
        self.model.breaks -= gone

    @rule(place=st.floats(-0.1, 0.6))
    def retain(self, place: float) -> None:
        before = self.time_at(place)
        due = [time for time in self.model.times if time < before]
        removed = self.run(self.store.retain(self.stream, before))
        assert removed <= len(due)
        kept_bytes = (len(due) - removed) * self.stream.layout.row_bytes
        assert kept_bytes <= CHUNK_BYTES_MAX or self.store.pending_bytes
        self.model.remove(due[:removed])

    @rule()
    def drop_decimations(self) -> None:
        self.run(self.store.drop_decimations(self.stream))

    @rule()
    def decimate(self) -> None:
        self.run(self.store.decimate(self.stream))

    @rule()
    def maintain(self) -> None:
        self.run(self.engine.maintain())

    # ------------------------------------------------------------------ what is compared

    @rule(start=places, end=places, level=levels)
    def look_at_a_range(self, start: float, end: float, level: int) -> None:
        self.compare(Interval(self.time_at(start), self.time_at(end)), level)

    everywhere: tuple[int, ...] = (4, 256)
    """Levels that are compared after each step."""

    @invariant()
    def everything_agrees(self) -> None:
        for level in self.everywhere:
            self.compare(ALL_TIME, level)
        info = self.run(self.store.info(self.stream))
        times = self.model.times
        assert info.rows == len(times)
        assert (info.start, info.end) == ((times[0], times[-1]) if times else (None, None))
        assert info.bytes > 0 or not times

    def compare(self, interval: Interval, level: int) -> None:
        runs = self.model.runs(interval)
        assert self.run(self.store.count(self.stream, interval)) == sum(map(len, runs))
        expected = [Interval(run[0], run[-1] + 1) for run in runs]
        assert self.run(self.store.intervals(self.stream, interval)) == expected
        self.compare_rows(interval, runs)
        self.compare_groups(interval, runs, level)

    def compare_rows(self, interval: Interval, runs: list[list[int]]) -> None:
        blocks: list[Block] = self.run(everything(self.store.read(self.stream, interval)))
        found: list[list[int]] = []
        for rows, starts_interval in blocks:
            assert found or not starts_interval
            if starts_interval or not found:
                found.append([])
            found[-1] += rows["timestamp"].tolist()
            self.check_values(rows)
        if runs and self.ends_in_gap(interval, runs[-1][-1]):
            assert found.pop() == []
        assert found == runs

    def check_values(self, rows: Rows) -> None:
        for time, first, last in zip(
            rows["timestamp"].tolist(), rows["data"][:, 0], rows["data"][:, -1], strict=True
        ):
            assert first == last == self.model.values[time]

    def ends_in_gap(self, interval: Interval, last: int) -> bool:
        return any(pair[0] == last and interval.end > last + 1 for pair in self.model.breaks)

    def compare_groups(self, interval: Interval, runs: list[list[int]], level: int) -> None:
        reading = self.store.read_decimated(self.stream, interval, level)
        blocks: list[DecimatedBlock] = self.run(everything(reading))
        found: list[list[tuple[int, float, float, float, int]]] = []
        for groups, starts_interval in blocks:
            if starts_interval or not found:
                found.append([])
            columns = (groups.mean[:, -1], groups.minimum[:, -1], groups.maximum[:, -1])
            found[-1] += zip(
                groups.timestamp.tolist(),
                *(column.tolist() for column in columns),
                groups.count.tolist(),
                strict=True,
            )
        if runs and self.ends_in_gap(interval, runs[-1][-1]):
            assert found.pop() == []
        assert len(found) == len(runs)
        for run, summary in zip(runs, found, strict=True):
            self.compare_run(run, summary, level)

    def compare_run(
        self, run: list[int], summary: list[tuple[int, float, float, float, int]], level: int
    ) -> None:
        assert sum(group[-1] for group in summary) == len(run)
        assert len(summary) <= -(-len(run) // level)
        for time, mean, minimum, maximum, count in summary:
            assert 0 < count < 2 * level
            times, run = run[:count], run[count:]
            values = [self.model.values[time] for time in times]
            assert (minimum, maximum) == (min(values), max(values))
            assert math.isclose(mean, sum(values) / count, rel_tol=1e-6, abs_tol=1e-6)
            assert times[0] <= time <= times[-1]
            assert abs(time - sum(times) / count) <= 8

    # ------------------------------------------------------------------ small things

    def values(self, times: range) -> dict[int, int]:
        """Give rows at these times, with values that tell this write from others."""
        self.salt += 1
        return {time: (time * 7 + self.salt * 1009) % 20_000 - 10_000 for time in times}

    def rows(self, values: dict[int, int]) -> Rows:
        rows = np.zeros(len(values), dtype=self.stream.layout.dtype)
        rows["timestamp"] = list(values)
        rows["data"] = np.array(list(values.values()))[:, None]
        return rows

    def insert_rows(self, values: dict[int, int], *, before: bool, behind: bool) -> None:
        rows = self.rows(values)
        self.run(self.store.insert(self.stream, rows, starts_interval=before, ends_interval=behind))

    def time_at(self, place: float) -> int:
        """Give a time at a fraction of the stream's length, a little outside at the ends."""
        times = self.model.times or [0, 100]
        return times[0] + round((times[-1] - times[0] + 20) * place)


async def everything(reading: AsyncIterator[T]) -> list[T]:
    return [item async for item in reading]
