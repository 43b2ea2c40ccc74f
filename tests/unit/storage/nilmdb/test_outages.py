"""Servers that go away, and answers that get lost: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import StorageError, StorageFormatError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.nilmdb import NilmdbEngine
from joule.testing.engine_contract.checks import check_stream, make_rows

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.memory import MemoryEngine
    from tests.integration.nilmdb import NilmDB, What

STREAM = StreamRef(1, Layout("int16", 2))
OTHER = StreamRef(2, Layout("float32", 1))


async def test_rows_wait_while_the_server_is_away(engine: NilmdbEngine, double: NilmDB) -> None:
    rows = make_rows(STREAM.layout, range(0, 3000, 10))
    engine.samples.append(STREAM, rows[:100])
    await engine.samples.commit()
    double.is_down = True
    for first in (100, 200):
        engine.samples.append(STREAM, rows[first : first + 100])
        with pytest.raises(StorageError, match="does not answer"):
            await engine.samples.commit()
    assert engine.samples.pending_bytes == rows[100:].nbytes
    assert "does not answer" in str((await engine.usage()).fault)
    double.is_down = False
    await check_stream(engine.samples, STREAM, [rows])
    await engine.samples.commit()
    assert engine.samples.pending_bytes == 0
    await check_stream(engine.samples, STREAM, [rows])


@pytest.mark.parametrize("what", ["request", "answer"])
async def test_an_insert_without_an_answer_is_not_done_twice(
    engine: NilmdbEngine, double: NilmDB, what: What
) -> None:
    rows = make_rows(STREAM.layout, range(0, 3000, 10))
    engine.samples.append(STREAM, rows[:100])
    await engine.samples.commit()
    engine.samples.append(STREAM, rows[100:200])
    double.lose("/stream/insert", what)
    with pytest.raises(StorageError):
        await engine.samples.commit()
    engine.samples.append(STREAM, rows[200:])
    await check_stream(engine.samples, STREAM, [rows])
    assert await engine.samples.last_before(STREAM, 2000) == 1990
    await engine.samples.commit()
    assert double.streams["/joule/1"].rows.tobytes() == rows.tobytes()
    assert double.streams["/joule/1"].intervals == [(0, 2991)]


async def test_rows_of_others_in_the_way_are_told_and_nothing_is_lost(
    engine: NilmdbEngine, double: NilmDB
) -> None:
    mine, theirs = make_rows(STREAM.layout, [10, 30]), make_rows(STREAM.layout, [20])
    fine = make_rows(OTHER.layout, [1, 2, 3])
    double.plant("/joule/1", str(STREAM.layout), theirs, [(15, 25)])
    engine.samples.append(STREAM, mine)
    engine.samples.append(OTHER, fine)
    with pytest.raises(StorageError, match="overlaps existing data"):
        await engine.samples.commit()
    assert engine.samples.pending_bytes == mine.nbytes
    await check_stream(engine.samples, OTHER, [fine])
    double.streams["/joule/1"].remove(15, 25)
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [mine])


async def test_a_path_of_another_layout_is_not_written_to(
    engine: NilmdbEngine, double: NilmDB
) -> None:
    double.plant("/joule/1", "float64_8", Layout("float64", 8).empty(), [])
    engine.samples.append(STREAM, make_rows(STREAM.layout, [1]))
    with pytest.raises(StorageFormatError, match=r"float64_8 at \[/joule/1\], not of int16_2"):
        await engine.samples.commit()
    await engine.samples.drop([STREAM.id])


async def test_levels_that_were_not_written_are_made_up_for(
    engine: NilmdbEngine, double: NilmDB
) -> None:
    rows = make_rows(STREAM.layout, range(0, 20_000, 10))
    for first in range(0, 1600, 400):
        engine.samples.append(STREAM, rows[first : first + 400])
        double.lose("/stream/insert", "request", skip=1 + first // 400 % 2)
        await engine.samples.commit()
    double.lose("", "request")
    engine.samples.append(STREAM, rows[1600:])
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [rows])
    assert len(double.streams["/joule/1~decim-4"].rows) == 500


@pytest.mark.parametrize("what", ["request", "answer"])
@pytest.mark.parametrize("route", ["/stream/insert", "/stream/remove", "/stream/create"])
async def test_a_merge_that_is_cut_off_loses_no_row_that_was_there(
    double: NilmDB, inner: MemoryEngine, what: What, route: str
) -> None:
    """Whether another process goes on or this one does."""
    rows = make_rows(STREAM.layout, range(0, 6000, 10))
    old, late = np.delete(rows, slice(1, 300, 2)), rows[1:300:2]
    for skip in range(8):
        for same in (True, False):
            double.streams.clear()
            async with NilmdbEngine(inner, double.url) as engine:
                engine.samples.append(STREAM, old.copy())
                await engine.samples.commit()
                double.lose(route, what, skip)
                is_done = await merged(engine, late)
                double.lose("", what)
                if same:
                    await check_stream(engine.samples, STREAM, [rows if is_done else old])
            async with NilmdbEngine(inner, double.url) as engine:
                found = rows if is_done else old
                await check_stream(engine.samples, STREAM, [found])


async def merged(engine: NilmdbEngine, late: Rows) -> bool:
    """Merge rows; whether they are there now or will be."""
    try:
        await engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
    except StorageError:
        return await engine.catalog.get_property("nilmdb_rewriting") is not None
    return True


async def test_a_reader_that_is_on_its_way_sees_every_row_of_a_merge_that_is_cut_off(
    engine: NilmdbEngine, double: NilmDB
) -> None:
    stream = StreamRef(1, Layout("float64", 64))
    rows = make_rows(stream.layout, range(0, 80_000, 10))
    old, late = np.delete(rows, slice(7001, 7100, 2)), rows[7001:7100:2]
    engine.samples.append(stream, old.copy())
    await engine.samples.commit()
    reading = engine.samples.read(stream, ALL_TIME)
    found = [(await anext(reading)).rows]
    double.lose("/stream/insert", "request", skip=1)
    with pytest.raises(StorageError):
        await engine.samples.insert(stream, late, starts_interval=False, ends_interval=False)
    found += [block.rows async for block in reading]
    assert np.concatenate(found).tobytes() == rows.tobytes()


async def test_a_commit_goes_on_when_the_caller_has_gone(engine: NilmdbEngine) -> None:
    rows = make_rows(STREAM.layout, range(100))
    engine.samples.append(STREAM, rows)
    task = asyncio.create_task(engine.samples.commit())
    await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert engine.samples.pending_bytes == 0
    assert await engine.samples.count(STREAM, Interval(0, 100)) == 100
