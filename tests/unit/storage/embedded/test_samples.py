"""What is particular to the embedded store: how rows lie in chunks, what a question costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage import codec
from joule.storage.embedded import chunks, tails
from joule.storage.embedded.chunks import chunk_rows
from joule.storage.interfaces import StreamRef
from joule.testing.engine_contract.checks import (
    assert_runs_equal,
    check_stream,
    make_rows,
    read_runs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.layout import Rows
    from joule.storage.embedded import EmbeddedEngine

STREAM = StreamRef(1, Layout("float32", 4))
FULL = chunk_rows(STREAM.layout.row_bytes)


@pytest.fixture
def tiny_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chunks of 64 rows."""
    chunk_rows.cache_clear()
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 64)
    yield
    chunk_rows.cache_clear()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the chunks of rows that get decoded, as they are."""
    sizes: list[int] = []

    def note(data: bytes, dtype: np.dtype[np.void]) -> Rows:
        rows = codec.decode(data, dtype)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(chunks, "decode", note)
    return sizes


def rows(start: int, end: int) -> Rows:
    return make_rows(STREAM.layout, np.arange(start, end) * 10)


async def ask(engine: EmbeddedEngine, sql: str) -> list[int]:
    """The first column, of whole numbers, that a query gives."""
    found = await engine._database.read(lambda c: c.execute(sql).fetchall())
    return [int(str(row[0])) for row in found]


async def chunk_sizes(engine: EmbeddedEngine) -> list[int]:
    return await ask(engine, "SELECT rows FROM chunk ORDER BY stream, first")


async def record_count(engine: EmbeddedEngine) -> int:
    return (await ask(engine, "SELECT count(*) FROM tail"))[0]


async def stored(engine: EmbeddedEngine, *runs: tuple[int, int]) -> None:
    """Append runs with breaks between, in one commit."""
    for run in runs:
        engine.samples.append(STREAM, rows(*run), starts_interval=True)
    await engine.samples.commit()


# ------------------------------------------------------------------ how rows lie


@pytest.mark.parametrize(
    ("layout", "expected"),
    [("float32_4", 16384), ("int16_6", 16384), ("float64_1", 32768), ("float32_8192", 64)],
)
def test_a_full_chunk_is_a_power_of_two_of_rows_in_half_a_mebibyte(
    layout: str, expected: int
) -> None:
    assert chunk_rows(Layout.parse(layout).row_bytes) == expected


async def test_a_large_block_goes_into_chunks_at_once_and_the_rest_into_the_tail(
    engine: EmbeddedEngine,
) -> None:
    await stored(engine, (0, 3 * FULL + 100))
    assert await chunk_sizes(engine) == [FULL] * 3
    await stored(engine, (3 * FULL + 100, 4 * FULL + 1))
    assert await chunk_sizes(engine) == [FULL] * 4


async def test_many_short_intervals_share_a_chunk(engine: EmbeddedEngine) -> None:
    runs = [(i * 200, i * 200 + 100) for i in range(50)]
    await stored(engine, *runs)
    await engine.samples.delete(STREAM, Interval(9000 * 10, 9001 * 10))
    assert await chunk_sizes(engine) == [4999]
    runs[45:46] = [(9001, 9100)]
    await check_stream(engine.samples, STREAM, [rows(*run) for run in runs])


async def test_rows_of_a_full_tail_are_in_no_record_any_more(engine: EmbeddedEngine) -> None:
    for start in range(0, FULL, FULL // 8):
        await stored(engine, (start, start + FULL // 8))
    await engine.maintain()
    assert await record_count(engine) == 0


async def test_aged_tails_are_sealed_and_the_log_stays_bounded(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "LOG_BYTES_MAX", 20_000)
    others = [StreamRef(id_, Layout("int16", 1)) for id_ in range(2, 30)]
    for tick in range(100):
        for stream in others:
            engine.samples.append(stream, make_rows(stream.layout, [tick]))
        await engine.samples.commit()
        (size,) = await ask(engine, "SELECT ifnull(sum(length(data)), 0) FROM tail")
        assert size < 22_000
    for stream in others:
        expected = [make_rows(stream.layout, np.arange(100))]
        await check_stream(engine.samples, stream, expected, levels=(4,))
    assert len(await chunk_sizes(engine)) <= 4 * len(others)


async def test_a_silent_stream_does_not_hold_back_the_log(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "LOG_RECORDS_MAX", 20)
    silent = StreamRef(2, Layout("int16", 1))
    engine.samples.append(silent, make_rows(silent.layout, [5]))
    for start in range(100):
        await stored(engine, (start, start + 1))
    assert await record_count(engine) < 21
    assert (await engine.samples.info(silent)).rows == 1


async def test_a_backfill_in_small_blocks_rewrites_each_row_a_few_times_only(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def note(rows: Rows) -> bytes:
        written.append(len(rows))
        return codec.encode(rows)

    monkeypatch.setattr(chunks, "encode", note)
    await stored(engine, (100_000, 100_010))
    for start in range(0, 20_000, 100):
        await engine.samples.insert(
            STREAM, rows(start, start + 100), starts_interval=False, ends_interval=True
        )
    assert sum(written) < 20_000 * 5
    assert len(await chunk_sizes(engine)) < 15
    await check_stream(engine.samples, STREAM, [rows(0, 20_000), rows(100_000, 100_010)])


# ------------------------------------------------------------------ seams between chunks


@pytest.mark.usefixtures("tiny_chunks")
class TestSeams:
    async def test_late_rows_on_both_sides_of_a_chunk_leave_the_chunk_alone(
        self, engine: EmbeddedEngine
    ) -> None:
        await stored(engine, (0, 64), (100, 164), (200, 264))
        late = np.concatenate([rows(70, 75), rows(170, 175)])
        await engine.samples.insert(STREAM, late, starts_interval=True, ends_interval=False)
        # The break before 100 is bridged by the rows at 70, the one before 200 by the flag.
        merged = [rows(70, 75), rows(100, 164), rows(170, 175), rows(200, 264)]
        await check_stream(engine.samples, STREAM, [rows(0, 64), np.concatenate(merged)])

    async def test_rows_right_before_a_chunk_bridge_or_keep_its_break(
        self, engine: EmbeddedEngine
    ) -> None:
        await stored(engine, (0, 64), (100, 164))
        insert = engine.samples.insert
        await insert(STREAM, rows(80, 81), starts_interval=True, ends_interval=True)
        await check_stream(engine.samples, STREAM, [rows(0, 64), rows(80, 81), rows(100, 164)])
        await insert(STREAM, rows(81, 82), starts_interval=False, ends_interval=False)
        whole = np.concatenate([rows(80, 82), rows(100, 164)])
        await check_stream(engine.samples, STREAM, [rows(0, 64), whole])

    async def test_deleting_whole_chunks_decodes_none(
        self, engine: EmbeddedEngine, decoded: list[int]
    ) -> None:
        await stored(engine, (0, 64 * 10))
        assert await engine.samples.delete(STREAM, Interval(64 * 20, 64 * 50)) == 64 * 3
        assert decoded == []
        await check_stream(engine.samples, STREAM, [rows(0, 128), rows(320, 640)])

    async def test_deleting_between_two_chunks_decodes_those_two(
        self, engine: EmbeddedEngine, decoded: list[int]
    ) -> None:
        await stored(engine, (0, 64 * 10))
        assert await engine.samples.delete(STREAM, Interval(64 * 20 - 50, 64 * 50 + 50)) == 202
        assert len(decoded) == 2
        await check_stream(engine.samples, STREAM, [rows(0, 123), rows(325, 640)])

    async def test_a_range_in_the_middle_of_a_chunk_leaves_one_chunk(
        self, engine: EmbeddedEngine
    ) -> None:
        await stored(engine, (0, 128))
        assert await engine.samples.delete(STREAM, Interval(200, 300)) == 10
        assert await chunk_sizes(engine) == [54, 64]
        await check_stream(engine.samples, STREAM, [rows(0, 20), rows(30, 128)])

    async def test_breaks_closed_at_and_inside_chunks_are_gone_from_the_groups(
        self, engine: EmbeddedEngine
    ) -> None:
        await stored(engine, (0, 64), (64, 100), (100, 192))
        assert await engine.samples.consolidate(STREAM, ALL_TIME, 9) == 2
        await check_stream(engine.samples, STREAM, [rows(0, 192)])
        groups = [
            block.groups.count.tolist()
            async for block in engine.samples.read_decimated(STREAM, ALL_TIME, 64)
        ]
        assert groups == [[64, 64, 64]]


# ------------------------------------------------------------------ what a question costs


async def test_counting_a_range_decodes_its_two_edges(
    engine: EmbeddedEngine, decoded: list[int]
) -> None:
    await stored(engine, (0, 6 * FULL + 10))
    bounds = Interval(55, (6 * FULL - 100) * 10)
    assert await engine.samples.count(STREAM, bounds) == 6 * FULL - 106
    assert len(decoded) == 2


async def test_bounds_intervals_and_info_decode_nothing(
    engine: EmbeddedEngine, decoded: list[int]
) -> None:
    await stored(engine, (0, FULL + 7), (2 * FULL, 4 * FULL), (5 * FULL, 5 * FULL + 10))
    assert len(await engine.samples.intervals(STREAM, ALL_TIME)) == 3
    info = await engine.samples.info(STREAM)
    assert (info.rows, info.start, info.end) == (3 * FULL + 17, 0, (5 * FULL + 9) * 10)
    assert await engine.samples.last_before(STREAM, 10 * FULL * 10) == info.end
    assert await engine.samples.count(STREAM, ALL_TIME) == info.rows
    assert decoded == []


async def test_an_overview_is_read_from_stored_groups(
    engine: EmbeddedEngine, decoded: list[int]
) -> None:
    await stored(engine, (0, 5 * FULL))
    sizes = [
        len(block.groups) async for block in engine.samples.read_decimated(STREAM, ALL_TIME, 4096)
    ]
    assert sum(sizes) == 5 * FULL / 4096
    assert decoded == []


async def test_dropped_groups_give_their_room_back(engine: EmbeddedEngine) -> None:
    await stored(engine, (0, 2 * FULL))
    before = (await engine.samples.info(STREAM)).bytes
    await engine.samples.drop_decimations(STREAM)
    dropped = (await engine.samples.info(STREAM)).bytes
    assert dropped < before
    await engine.samples.decimate(STREAM)
    assert (await engine.samples.info(STREAM)).bytes == before


async def test_bytes_are_those_of_the_file(engine: EmbeddedEngine) -> None:
    await stored(engine, (0, 3 * FULL), (4 * FULL, 4 * FULL + 10))
    (in_chunks,) = await ask(engine, "SELECT sum(length(data)) FROM chunk_data")
    (in_pyramids,) = await ask(engine, "SELECT sum(length(data)) FROM pyramid")
    in_tail = 10 * STREAM.layout.row_bytes
    assert (await engine.samples.info(STREAM)).bytes == in_chunks + in_pyramids + in_tail


# ------------------------------------------------------------------ reads beside writes


@pytest.mark.usefixtures("tiny_chunks")
async def test_reads_beside_a_writer_see_each_row_once_and_none_missing(
    engine: EmbeddedEngine,
) -> None:
    total, done = 12_000, asyncio.Event()

    async def write() -> None:
        random = np.random.default_rng(3)
        position = 0
        while position < total:
            end = min(position + int(random.integers(1, 150)), total)
            engine.samples.append(STREAM, rows(position, end))
            position = end
            if random.random() < 0.7:
                await engine.samples.commit()
            if random.random() < 0.1:
                await engine.samples.delete(STREAM, Interval(-100, -50))  # seals the tail
        done.set()

    async def read() -> int:
        reads = 0
        while not done.is_set():
            accepted = (await engine.samples.info(STREAM)).rows
            found, _ = await read_runs(engine.samples, STREAM)
            seen = len(found[0]) if found else 0
            assert seen >= accepted
            assert_runs_equal(found, [rows(0, seen)] if seen else [])
            reads += 1
        return reads

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        readers = [group.create_task(read()) for _ in range(2)]
    assert all(reader.result() > 3 for reader in readers)
    await check_stream(engine.samples, STREAM, [rows(0, total)])


@pytest.mark.usefixtures("tiny_chunks")
async def test_a_read_ends_even_if_rows_come_in_as_fast_as_it_goes(
    engine: EmbeddedEngine,
) -> None:
    await stored(engine, (0, 64 * 2000))
    position, blocks = 64 * 2000, 0
    async for _ in engine.samples.read(STREAM, ALL_TIME):
        engine.samples.append(STREAM, rows(position, position + 64))
        await engine.samples.commit()
        position, blocks = position + 64, blocks + 1
    assert blocks == 2000


async def test_numpy_integers_are_as_good_as_any(engine: EmbeddedEngine) -> None:
    await stored(engine, (0, FULL + 100))
    low, high = rows(3, 5)["timestamp"]
    assert await engine.samples.count(STREAM, Interval(low, high)) == 1
    assert await engine.samples.last_before(STREAM, high) == low
    assert await engine.samples.delete(STREAM, Interval(low, high)) == 1
    await check_stream(engine.samples, STREAM, [rows(0, 3), rows(4, FULL + 100)])


async def test_a_slow_reader_gets_every_row_of_a_long_read(engine: EmbeddedEngine) -> None:
    count = 20 * FULL  # several steps, each decoded while the one before is taken
    engine.samples.append(STREAM, rows(0, count))
    await engine.samples.commit()
    read = 0
    async for block in engine.samples.read(STREAM, ALL_TIME):
        read += len(block.rows)
        await engine.samples.info(STREAM)  # the step behind this one may be done meanwhile
    assert read == count


async def test_a_reader_that_stops_early_leaves_nothing_behind(engine: EmbeddedEngine) -> None:
    engine.samples.append(STREAM, rows(0, 20 * FULL))
    await engine.samples.commit()
    reading = engine.samples.read(STREAM, ALL_TIME)
    assert isinstance(reading, AsyncGenerator)
    first = await anext(reading)
    await reading.aclose()
    assert len(first.rows)
    assert await engine.samples.delete(STREAM, ALL_TIME) == 20 * FULL
