"""Flipped bytes: what is damaged is reported by name and time, and everything else can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw
import numpy as np
import pytest

from joule.errors import StorageDamagedError, StorageError
from joule.models.events import Event
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.chunks import chunk_rows
from joule.storage.interfaces import CatalogChanges, EventQuery, FolderRecord, StreamRef
from joule.testing.engine_contract.checks import check_stream, make_rows, read_runs

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine, SampleStore

MAINS = StreamRef(1, Layout("float64", 32), name="mains")
OTHER = StreamRef(2, Layout("float64", 32), name="other")
DAMAGED = r"data stream \[mains\] \(id 1\): {}of 1970-01-01T00:00:00.* to .*: "


def rows(stream: StreamRef, start: int, end: int) -> Rows:
    return make_rows(stream.layout, np.arange(start, end) * 10)


async def fill(path: Path) -> None:
    """Five chunks of each stream, of which the first has breaks, and some rows in the tail."""
    async with EmbeddedEngine(path) as engine:
        for stream in (MAINS, OTHER):
            for start, end in ((0, 100), (100, 5000), (5000, 10_250)):
                part = rows(stream, start, end)
                engine.samples.append(stream, part, starts_interval=start == 100)
            await engine.samples.commit()
        await engine.events.write(1, [Event(start, None, {"n": start}) for start in range(50)])
        await engine.catalog.apply(CatalogChanges([FolderRecord(1, "root", None, None, 0)]))


def change(path: Path, sql: str, *bindings: Any) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql, bindings)
    connection.close()


async def summary(store: SampleStore, stream: StreamRef) -> int:
    return sum(
        [len(block.groups.count) async for block in store.read_decimated(stream, ALL_TIME, 64)]
    )


async def check_other(engine: Engine) -> None:
    runs = [rows(OTHER, 0, 100), rows(OTHER, 100, 10_250)]
    await check_stream(engine.samples, OTHER, runs, levels=(64,))


FLIPPED = "substr(data, 1, 200) || x'55AA55' || substr(data, 204)"


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE chunk_data SET data = CAST({FLIPPED} AS BLOB) WHERE id = 1",
        "UPDATE chunk_data SET data = substr(data, 1, 5) WHERE id = 1",
        "UPDATE chunk_data SET data = 7 WHERE id = 1",
        "DELETE FROM chunk_data WHERE id = 1",
        "UPDATE chunk SET data = 2 WHERE data = 1",
        "UPDATE chunk SET rows = 7 WHERE data = 1",
        "UPDATE chunk SET last = last + 1 WHERE data = 1",
        "UPDATE chunk SET breaks = substr(breaks, 1, 19) WHERE data = 1",
        "UPDATE chunk SET breaks = CAST(x'FF000000' || substr(breaks, 5) AS BLOB) WHERE data = 1",
    ],
)
async def test_rows_that_are_damaged_are_named_with_stream_and_time(path: Path, sql: str) -> None:
    await fill(path)
    change(path, sql)
    async with EmbeddedEngine(path) as engine:
        with pytest.raises(StorageDamagedError, match=DAMAGED.format("rows ")):
            await read_runs(engine.samples, MAINS)
        with pytest.raises(StorageDamagedError, match=DAMAGED.format("rows ")):
            await engine.samples.delete(MAINS, Interval(50, 60))
        later, _ = await read_runs(engine.samples, MAINS, Interval(50_000, 102_490))
        assert later[0].tobytes() == rows(MAINS, 5000, 10_249).tobytes()
        await check_other(engine)


async def test_groups_that_are_damaged_are_named_and_their_rows_can_be_read(path: Path) -> None:
    await fill(path)
    change(
        path, f"UPDATE pyramid SET data = CAST({FLIPPED} AS BLOB) WHERE stream = 1 AND level = 64"
    )
    async with EmbeddedEngine(path) as engine:
        with pytest.raises(StorageDamagedError, match=DAMAGED.format("decimated rows ")):
            await summary(engine.samples, MAINS)
        await check_other(engine)
        runs = [rows(MAINS, 0, 100), rows(MAINS, 100, 10_250)]
        await check_stream(engine.samples, MAINS, runs, levels=(4,))
        await engine.samples.decimate(MAINS)  # this is the remedy
        await check_stream(engine.samples, MAINS, runs, levels=(64,))


@pytest.mark.parametrize("column", ["last", "rows", "data"])
async def test_an_entry_without_values_is_damage_and_not_a_bug(path: Path, column: str) -> None:
    await fill(path)
    value = "-1" if column != "last" else "first - 1"
    change(path, f"UPDATE chunk SET {column} = {value} WHERE data = 1")
    async with EmbeddedEngine(path) as engine:
        with pytest.raises(StorageDamagedError, match=r"data stream \[mains\] \(id 1\)"):
            await read_runs(engine.samples, MAINS)
        await check_other(engine)


@pytest.mark.parametrize("content", ["{'n': 1}", "[1", "\xff", "{},{}"])
async def test_events_that_are_damaged_are_named_with_stream_and_time(
    path: Path, content: str
) -> None:
    await fill(path)
    change(path, "UPDATE event SET content = ? WHERE id = 7", content)
    async with EmbeddedEngine(path) as engine:
        with pytest.raises(StorageDamagedError, match="events of event stream 1, 1970-01-01T"):
            await engine.events.read(1, EventQuery(ALL_TIME))
        with pytest.raises(StorageDamagedError, match="events of event stream 1, 1970-01-01T"):
            await engine.events.read_texts(1, EventQuery(ALL_TIME))
        assert len(await engine.events.read(1, EventQuery(Interval(20, 30)))) == 10


async def test_a_damaged_catalog_is_reported_as_such(path: Path) -> None:
    await fill(path)
    change(path, "UPDATE folder SET name = CAST(x'FFFE41' AS TEXT)")
    async with EmbeddedEngine(path) as engine:
        with pytest.raises(StorageDamagedError, match="the catalog is damaged"):
            await engine.catalog.load()
        await check_other(engine)


async def test_bytes_flipped_anywhere_give_right_rows_or_a_storage_error(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever page they lie in: chunk, pyramid, tail, catalog or the structure of the file."""
    await fill(path)
    whole = path.read_bytes()  # noqa: ASYNC240 - nothing else runs here
    random = np.random.default_rng(5)
    runs = {s: [rows(s, 0, 100), rows(s, 100, 10_250)] for s in (MAINS, OTHER)}
    reported = 0
    for offset in random.integers(100, len(whole), 60).tolist():
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)  # noqa: ASYNC240
        try:
            async with EmbeddedEngine(path) as engine:
                for stream, expected in runs.items():
                    if _is_tail_lost(stream, caplog.text):
                        expected = [expected[0], expected[1][: -_tail_rows(stream)]]
                    try:
                        await check_stream(engine.samples, stream, expected, levels=(64,))
                    except StorageError:
                        reported += 1
                await engine.events.read(1, EventQuery(ALL_TIME))
                await engine.catalog.load()
        except StorageError:
            reported += 1
        caplog.clear()
    assert reported > 10


def _is_tail_lost(stream: StreamRef, log: str) -> bool:
    """The streams were committed one after the other, each in a record of its own."""
    return "a page of the tail" in log or f"tail record {stream.id} " in log


def _tail_rows(stream: StreamRef) -> int:
    return 10_250 % chunk_rows(stream.layout.row_bytes)
