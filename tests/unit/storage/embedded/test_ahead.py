"""Chunks that are encoded before their commit, and commits of more than one transaction."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine, ahead
from joule.storage.embedded.ahead import AHEAD_CHUNKS, CHUNKS_PER_COMMIT
from joule.storage.embedded.chunks import chunk_rows, encode_chunk
from joule.storage.embedded.records import Entry, encode_record
from joule.storage.embedded.tail_table import TailTable
from joule.storage.interfaces import StreamRef
from joule.storage.stretch import NO_BREAKS, Stretch
from joule.testing.engine_contract.checks import check_stream, make_rows
from joule.testing.faults import FaultyFiles

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.layout import Rows
    from joule.storage.embedded.chunk_table import NewChunk
    from joule.storage.embedded.tails import Moved

STREAM = StreamRef(1, Layout("float64", 100))
ROW_BYTES = STREAM.layout.row_bytes
FULL = chunk_rows(ROW_BYTES)
OTHER = StreamRef(2, Layout("int16", 1))


class Encoding:
    """Notes which chunks are encoded, by their first row; can fail."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.has_started = threading.Event()
        self.failure: Exception | None = None

    def __call__(self, stream: StreamRef, stretch: Stretch) -> NewChunk:
        self.started.append(stretch.first // 10)
        self.has_started.set()
        if self.failure is not None:
            raise self.failure
        return encode_chunk(stream, stretch)


@pytest.fixture
def encoding(monkeypatch: pytest.MonkeyPatch) -> Encoding:
    encoding = Encoding()
    monkeypatch.setattr(ahead, "encode_chunk", encoding)
    return encoding


def rows(start: int, end: int) -> Rows:
    return make_rows(STREAM.layout, np.arange(start, end) * 10)


async def counted(engine: EmbeddedEngine, table: str) -> int:
    sql = f"SELECT count(*) FROM {table}"
    ((found,),) = await engine._database.read(lambda c: c.execute(sql).fetchall())
    return int(str(found))


async def test_chunks_are_encoded_once_each_however_the_rows_come(
    engine: EmbeddedEngine, encoding: Encoding
) -> None:
    edges = [0, 10, FULL, 3 * FULL + 1, 3 * FULL + 7, 6 * FULL]
    for start, end in pairwise(edges):
        engine.samples.append(STREAM, rows(start, end), starts_interval=start == 10)
    await engine.samples.commit()
    assert sorted(encoding.started) == [chunk * FULL for chunk in range(6)]
    await check_stream(engine.samples, STREAM, [rows(0, 10), rows(10, 6 * FULL)])


async def test_a_chunk_is_encoded_before_anyone_asks_for_a_commit(
    engine: EmbeddedEngine, encoding: Encoding
) -> None:
    engine.samples.append(STREAM, rows(0, FULL - 1))
    engine.samples.append(STREAM, rows(FULL - 1, FULL))
    assert await asyncio.to_thread(encoding.has_started.wait, 10)


async def test_what_is_encoded_ahead_is_bounded(engine: EmbeddedEngine) -> None:
    engine.samples.append(STREAM, rows(0, 3 * AHEAD_CHUNKS * FULL))
    assert len(engine._samples._tails._tails[STREAM.id].encoded) == AHEAD_CHUNKS


@pytest.mark.parametrize("more", [0, 1, FULL - 1])
@pytest.mark.parametrize("chunks", [CHUNKS_PER_COMMIT, 3 * AHEAD_CHUNKS + 1])
async def test_a_commit_of_many_chunks_leaves_nothing_waiting(
    engine: EmbeddedEngine, chunks: int, more: int
) -> None:
    engine.samples.append(STREAM, rows(0, chunks * FULL + more))
    engine.samples.append(OTHER, make_rows(OTHER.layout, [1, 2]))
    await engine.samples.commit()
    assert engine.samples.pending_bytes == 0
    assert await counted(engine, "chunk") == chunks
    await check_stream(engine.samples, STREAM, [rows(0, chunks * FULL + more)], levels=(64,))


async def test_a_commit_that_fails_half_way_goes_on_where_it_stopped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = FaultyFiles()
    try:
        async with EmbeddedEngine(path, vfs=files.name) as engine:
            engine.samples.append(STREAM, rows(0, 3 * CHUNKS_PER_COMMIT * FULL))
            pending = engine.samples.pending_bytes
            settle = engine._samples._tails.settle

            def settle_and_break(moved: list[Moved], record_bytes: int) -> None:
                settle(moved, record_bytes)
                files.fails = "write"

            with monkeypatch.context() as patch:
                patch.setattr(engine._samples._tails, "settle", settle_and_break)
                with pytest.raises(StorageError):
                    await engine.samples.commit()
            assert engine.samples.pending_bytes == pending * 2 // 3
            files.fails = None
            await engine.samples.commit()
            assert engine.samples.pending_bytes == 0
            await check_stream(engine.samples, STREAM, [rows(0, 3 * CHUNKS_PER_COMMIT * FULL)])
    finally:
        files.unregister()


async def test_chunks_of_rows_that_were_sealed_meanwhile_are_forgotten(
    engine: EmbeddedEngine,
) -> None:
    engine.samples.append(STREAM, rows(5, 2 * FULL + 50))
    await engine.samples.delete(STREAM, Interval(100, 200))
    engine.samples.append(STREAM, rows(2 * FULL + 50, 4 * FULL))
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [rows(5, 10), rows(20, 4 * FULL)])


async def test_groups_are_those_the_stream_asks_for_when_it_is_committed(
    engine: EmbeddedEngine,
) -> None:
    engine.samples.append(STREAM, rows(0, FULL))
    engine.samples.append(replace(STREAM, decimate=False), rows(FULL, 2 * FULL))
    await engine.samples.commit()
    assert await counted(engine, "pyramid") == 0


async def test_making_room_stores_full_chunks_and_writes_no_row_twice(
    engine: EmbeddedEngine,
) -> None:
    engine.samples.append(STREAM, rows(0, 3 * FULL + 10))
    await engine.samples.make_room()
    assert engine.samples.pending_bytes == 10 * ROW_BYTES
    assert (await counted(engine, "chunk"), await counted(engine, "tail")) == (3, 0)
    assert await engine.samples.count(STREAM, ALL_TIME) == 3 * FULL + 10
    await engine.samples.commit()
    assert await counted(engine, "tail") == 1
    await check_stream(engine.samples, STREAM, [rows(0, 3 * FULL + 10)])


async def test_making_room_where_few_rows_are_in_chunks_commits_all(
    engine: EmbeddedEngine,
) -> None:
    engine.samples.append(STREAM, rows(0, FULL + 10))
    for number in range(3, 9):
        stream = replace(STREAM, id=number)
        engine.samples.append(stream, rows(0, FULL - 1))
    await engine.samples.make_room()
    assert engine.samples.pending_bytes == 0


async def test_an_encoder_that_fails_fails_the_commit_and_is_asked_again(
    engine: EmbeddedEngine, encoding: Encoding
) -> None:
    encoding.failure = MemoryError("no memory left")
    engine.samples.append(STREAM, rows(0, 2 * FULL))
    with pytest.raises(StorageError, match="not enough memory"):
        await engine.samples.commit()
    encoding.failure = None
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [rows(0, 2 * FULL)])


@pytest.mark.parametrize("more", [10, 2 * FULL])
@pytest.mark.parametrize("is_short_of_room", [False, True])
async def test_a_tail_that_was_found_longer_than_a_chunk_goes_into_chunks_as_a_whole(
    path: Path, more: int, is_short_of_room: bool
) -> None:
    entry = Entry(STREAM, Stretch(rows(0, 2 * FULL + 50), NO_BREAKS), 0)
    async with EmbeddedEngine(path) as engine:
        record = encode_record(1, [entry])
        await engine._database.write(lambda c: TailTable(c).put(1, record))
    end = 2 * FULL + 50 + more
    async with EmbeddedEngine(path) as engine:
        engine.samples.append(STREAM, rows(2 * FULL + 50, end))
        if is_short_of_room:
            await engine.samples.make_room()
        await engine.samples.commit()
        await check_stream(engine.samples, STREAM, [rows(0, end)])
    async with EmbeddedEngine(path) as engine:
        await check_stream(engine.samples, STREAM, [rows(0, end)])
