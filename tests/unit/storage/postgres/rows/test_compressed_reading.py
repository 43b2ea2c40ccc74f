from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.rows import compressed_copies, row_reading
from joule.testing.engine_contract.checks import assert_runs_equal, make_rows, read_runs
from tests.unit.storage.postgres.compressed_kit import (
    blot,
    copies,
    is_copied,
    joined,
    same,
)

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Rows
    from joule.storage.postgres import PostgresEngine
    from joule.storage.stretch import Stretch

STREAM = StreamRef(1, Layout("int16", 1))
TIMES = range(0, 570, 10)
"""Rows of five copies, from 0 to 91, 191 and so on, and seven without one."""

EDGES = [-5, 0, 1, 90, 91, 92, 95, 190, 191, 200, 285, 290, 291, 292, 490, 491, 500, 560, 561, 600]

pytestmark = pytest.mark.usefixtures("small_copies")


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_reading, "PAGE_BYTES", 300)  # three copies at once
    monkeypatch.setattr(row_reading, "BOUNDARIES_MAX", 4)


async def fill(engine: PostgresEngine, runs: list[Any], stream: StreamRef = STREAM) -> None:
    for rows in runs:
        engine.samples.append(stream, rows.copy(), starts_interval=True)
    await engine.samples.commit()
    await engine.samples.compress()


async def fill_times(engine: PostgresEngine) -> Rows:
    rows = make_rows(STREAM.layout, TIMES)
    await fill(engine, [rows])
    return rows


async def read(engine: PostgresEngine, interval: Interval = ALL_TIME) -> Stretch:
    return joined([block async for block in engine.samples.read(STREAM, interval)], STREAM)


def random_runs(seed: int) -> list[Rows]:
    chosen = np.sort(np.random.default_rng(seed).choice(np.arange(1, len(TIMES)), 14, False))
    return np.array_split(make_rows(STREAM.layout, TIMES), chosen)


@pytest.mark.parametrize("seed", range(3))
async def test_reads_begin_and_end_anywhere(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    await fill(engine, random_runs(seed))
    monkeypatch.setattr(compressed_copies, "SHARE_WORTH", 0)
    ranges = [Interval(start, end) for start, end in combinations(EDGES, 2)]
    found = [await read(engine, interval) for interval in ranges]
    monkeypatch.setattr(compressed_copies, "SHARE_WORTH", 1e9)
    for interval, stretch in zip(ranges, found, strict=True):
        assert same(stretch, await read(engine, interval)), interval


@pytest.mark.parametrize("length", [1, 3, 9, 10, 11, 15, 29, 30, 31])
async def test_breaks_lie_anywhere_in_copies_and_between_them(
    engine: PostgresEngine, length: int
) -> None:
    rows = make_rows(STREAM.layout, range(0, 1000, 10))
    runs = np.split(rows, range(length, 100, length))
    await fill(engine, runs)
    found, _ = await read_runs(engine.samples, STREAM)
    assert_runs_equal(found, runs)
    inner, _ = await read_runs(engine.samples, STREAM, Interval(95, 905))
    expected = [run[(run["timestamp"] >= 95) & (run["timestamp"] < 905)] for run in runs]
    assert_runs_equal(inner, [run for run in expected if len(run)])


async def test_more_boundaries_than_are_read_at_once_shorten_what_copies_give(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill_times(engine)
    for time in [*range(101, 140), *range(181, 211)]:
        await connection.execute("INSERT INTO data.stream1_intervals VALUES ($1), ($1)", time)
    found, _ = await read_runs(engine.samples, STREAM)
    assert [len(run) for run in found] == [11, 1, 1, 1, 5, 1, 1, 36]


async def test_what_has_copies_is_read_from_them_and_the_rest_from_the_table(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill_times(engine)
    await engine.samples.delete(STREAM, Interval(200, 210))
    await blot(connection)
    expected = [True] * 20 + [False] * 9 + [True] * 20 + [False] * 7
    assert is_copied((await read(engine)).rows) == expected
    assert is_copied((await read(engine, Interval(150, 320))).rows) == expected[15:31]


async def test_few_rows_are_read_from_the_table(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill_times(engine)
    await blot(connection)
    assert is_copied((await read(engine, Interval(100, 140))).rows) == [False] * 4
    assert is_copied((await read(engine, Interval(100, 150))).rows) == [True] * 5


async def test_with_timescaledb_copies_are_not_read(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill_times(engine)
    await blot(connection)
    engine._server.has_timescale = True
    assert not any(is_copied((await read(engine)).rows))


@pytest.mark.parametrize("datatype", ["int16", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("width", [1, 3, 40])
async def test_values_are_the_same_bit_for_bit(
    engine: PostgresEngine, connection: Connection, datatype: str, width: int
) -> None:
    stream = StreamRef(1, Layout(datatype, width))
    times = [*range(-(10**15), -(10**15) + 20), *range(0, 10**17, 10**15)]
    rows = make_rows(stream.layout, times)
    limits = np.iinfo(datatype) if datatype.startswith("int") else np.finfo(datatype)
    rows["data"][::7] = limits.min
    rows["data"][::9] = limits.max
    if datatype.startswith("float"):
        rows["data"][::5], rows["data"][::4], rows["data"][::3] = np.nan, -np.inf, -0.0
    await fill(engine, [rows], stream)
    assert len(await copies(connection, stream)) >= 12
    found, _ = await read_runs(engine.samples, stream)
    assert_runs_equal(found, [rows])


# ------------------------------------------------------------------ other rows, gaps


async def test_pending_rows_come_behind_those_of_copies(engine: PostgresEngine) -> None:
    rows = make_rows(STREAM.layout, range(0, 900, 10))
    await fill(engine, [rows[:50]])
    engine.samples.append(STREAM, rows[50:60].copy())
    engine.samples.append(STREAM, rows[60:].copy(), starts_interval=True)
    found, ends_in_gap = await read_runs(engine.samples, STREAM)
    assert_runs_equal(found, [rows[:60], rows[60:]])
    found, ends_in_gap = await read_runs(engine.samples, STREAM, Interval(0, 595))
    assert_runs_equal(found, [rows[:60]])
    assert ends_in_gap


@pytest.mark.parametrize("end", [200, 290, 291, 292, 350, 391, 400])
async def test_a_read_that_ends_in_a_gap_says_so(engine: PostgresEngine, end: int) -> None:
    runs = [make_rows(STREAM.layout, range(start, start + 300, 10)) for start in (0, 400)]
    await fill(engine, runs)
    found, ends_in_gap = await read_runs(engine.samples, STREAM, Interval(0, end))
    assert_runs_equal(found, [runs[0][: -(-end // 10)]])
    assert ends_in_gap == (end > 291)
