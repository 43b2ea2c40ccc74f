"""What is at the server for decimated views, and how little is asked for one."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.decimation import reduce
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.nilmdb import NilmdbEngine, covering, samples
from joule.testing.engine_contract.checks import check_groups, check_stream, make_rows

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.memory import MemoryEngine
    from tests.integration.nilmdb import NilmDB

STREAM = StreamRef(1, Layout("float32", 2))
ROWS = 400_000


def rows_of(start: int, end: int) -> Rows:
    return make_rows(STREAM.layout, np.arange(start, end) * 10)


async def fill(engine: NilmdbEngine, start: int, end: int, step: int = 20_000) -> None:
    for first in range(start, end, step):
        engine.samples.append(STREAM, rows_of(first, min(first + step, end)))
        await engine.samples.commit()


async def test_a_level_has_exactly_four_groups_of_the_one_below_each(
    engine: NilmdbEngine, double: NilmDB
) -> None:
    await fill(engine, 0, 70_001, step=999)
    whole = rows_of(0, 70_001)
    for level in (4, 16, 64, 256, 1024):
        stored = double.streams[f"/joule/1~decim-{level}"]
        count = len(stored.rows)
        assert 70_001 // level - 100 < count <= 70_001 // level
        expected = reduce(whole[: count * level], level).to_rows()
        assert stored.layout == STREAM.layout.decimated
        np.testing.assert_allclose(stored.rows["data"], expected["data"], rtol=1e-6)
        assert (np.abs(stored.rows["timestamp"] - expected["timestamp"]) <= 5).all()
        assert stored.intervals == [(0, 10 * (count * level - 1) + 1)]


async def test_an_overview_asks_for_little(engine: NilmdbEngine, double: NilmDB) -> None:
    await fill(engine, 0, ROWS)
    whole = rows_of(0, ROWS)
    for bounds in (ALL_TIME, Interval(123_455, 3_456_789)):
        inside = (whole["timestamp"] >= bounds.start) & (whole["timestamp"] < bounds.end)
        double.routes.clear()
        double.sent_bytes = 0
        await check_groups(engine.samples, STREAM, [whole[inside]], 1024, bounds)
        assert double.sent_bytes < whole.nbytes // 4
        assert len(double.routes) < 60


async def test_levels_go_on_where_another_process_has_ended(
    double: NilmDB, inner: MemoryEngine
) -> None:
    ends = [0, 1000, 1003, 5003, 5004, 20_004, 20_011, 30_000]
    for start, end in pairwise(ends):
        async with NilmdbEngine(inner, double.url) as engine:
            await fill(engine, start, end, step=700)
            await check_stream(engine.samples, STREAM, [rows_of(0, end)])
    for level in (4, 16, 64, 256):
        stored = double.streams[f"/joule/1~decim-{level}"]
        expected = reduce(rows_of(0, len(stored.rows) * level), level).to_rows()
        np.testing.assert_allclose(stored.rows["data"], expected["data"], rtol=1e-6)
        assert len(stored.intervals) == 1


async def test_rows_that_are_filled_in_have_levels_too(
    engine: NilmdbEngine, double: NilmDB
) -> None:
    await fill(engine, 0, 10_000)
    await fill(engine, 60_000, 70_000)
    for first in range(10_000, 60_000, 10_000):
        await engine.samples.insert(
            STREAM, rows_of(first, first + 10_000), starts_interval=False, ends_interval=True
        )
    await engine.samples.consolidate(STREAM, ALL_TIME, 100)
    await check_stream(engine.samples, STREAM, [rows_of(0, 70_000)])
    assert len(double.streams["/joule/1~decim-64"].rows) > 70_000 // 64 - 200


async def test_a_stream_without_decimation_has_no_levels(
    engine: NilmdbEngine, double: NilmDB
) -> None:
    plain = StreamRef(1, STREAM.layout, decimate=False)
    engine.samples.append(plain, rows_of(0, 5000))
    await engine.samples.commit()
    assert list(double.streams) == ["/joule/1"]
    await engine.samples.decimate(plain)
    assert len(double.streams["/joule/1~decim-4"].rows) == 1250


async def test_rows_come_in_while_levels_are_made_anew(engine: NilmdbEngine) -> None:
    await fill(engine, 0, 300_000)
    making = engine.samples.decimate(STREAM)
    await asyncio.gather(making, fill(engine, 300_000, 320_000, step=900))
    await fill(engine, 320_000, 330_000, step=900)
    await check_stream(engine.samples, STREAM, [rows_of(0, 330_000)])


async def test_dropped_levels_leave_the_paths(engine: NilmdbEngine, double: NilmDB) -> None:
    await fill(engine, 0, 5000)
    await engine.samples.drop_decimations(STREAM)
    assert list(double.streams) == ["/joule/1"]
    await engine.samples.drop([STREAM.id])
    assert double.streams == {}


async def test_a_break_needs_time_between_the_rows(engine: NilmdbEngine) -> None:
    """A promise that a NilmDB cannot keep."""
    layout = STREAM.layout
    engine.samples.append(STREAM, make_rows(layout, [1, 2]))
    engine.samples.append(STREAM, make_rows(layout, [3, 5]), starts_interval=True)
    assert len(await engine.samples.intervals(STREAM, ALL_TIME)) == 2
    await engine.samples.commit()
    assert await engine.samples.intervals(STREAM, ALL_TIME) == [(1, 6)]


@pytest.mark.parametrize("datatype", ["float64", "int32", "int64"])
async def test_extremes_in_levels_are_rounded_to_single_precision(
    engine: NilmdbEngine, datatype: str
) -> None:
    """Another one: the layout of its levels is float32."""
    stream = StreamRef(1, Layout(datatype, 1))
    rows = np.zeros(70_000, stream.layout.dtype)
    rows["timestamp"] = np.arange(len(rows))
    rows["data"][:, 0] = np.arange(len(rows)) * 257 + 2**30 + 1
    engine.samples.append(stream, rows)
    await engine.samples.commit()
    found = [b.groups async for b in engine.samples.read_decimated(stream, ALL_TIME, 256)]
    minimum = np.concatenate([groups.minimum for groups in found])
    difference = np.abs(minimum - reduce(rows, 256).minimum)
    assert 0 < difference.max() <= 2**31 >> 24


async def test_an_overview_goes_on_when_rows_before_it_and_behind_it_are_changed(
    engine: NilmdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "BLOCK_GROUPS", 1)
    monkeypatch.setattr(covering, "WINDOW_BYTES", 10_000)
    await fill(engine, 0, 200_000)
    reading = engine.samples.read_decimated(STREAM, ALL_TIME, 64)
    first = await anext(reading)
    assert 0 < first.groups.count.sum() < 100_000
    await engine.samples.delete(STREAM, Interval(1_500_000, 1_600_000))
    await engine.samples.delete(STREAM, Interval(0, 100))
    runs = [[first.groups]]
    async for groups, starts_interval in reading:
        if starts_interval:
            runs.append([])
        runs[-1].append(groups)
    assert [sum(int(groups.count.sum()) for groups in run) for run in runs] == [150_000, 40_000]
    assert runs[1][0].minimum[0].tolist() == rows_of(160_000, 160_064)["data"].min(axis=0).tolist()
