"""Hypertables of rows and levels, with tables in the place of what TimescaleDB knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.tables import chunking, timescale
from joule.storage.postgres.tables.totals import Total

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(1, Layout("float32", 2))
DAY_US = 86_400_000_000


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, int | None]:
    """The hypertables that were made and the length of their chunks; None is TimescaleDB's own."""
    found: dict[str, int | None] = {}

    async def has_timescale(_connection: Connection) -> bool:
        return True

    async def make_hypertable(
        _connection: Connection, table: str, column: str = "time", chunk_us: int | None = None
    ) -> None:
        assert column == "time"
        found[table] = chunk_us

    async def chunk_us(_connection: Connection, table: str) -> int | None:
        return found[table]

    async def set_chunk(_connection: Connection, table: str, length_us: int) -> None:
        found[table] = length_us

    async def is_hypertable(_connection: Connection, table: str) -> bool:
        return table in found

    monkeypatch.setattr(chunking, "has_timescale", has_timescale)
    for function in (make_hypertable, chunk_us, set_chunk, is_hypertable):
        monkeypatch.setattr(timescale, function.__name__, function)
    return found


async def test_without_timescale_tables_stay_plain(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(timescale, "make_hypertable")
    await chunking.make_hypertable(connection, 1, 1)
    await chunking.set_lengths(connection, STREAM, Total(200, 0, 199))


async def test_lengths_follow_from_the_rows_and_grow_with_the_level(
    engine: PostgresEngine, connection: Connection, made: dict[str, int | None]
) -> None:
    for name in ("stream1", "stream1_intervals", "stream1_4", "stream1_16"):
        await connection.execute(f"CREATE TABLE data.{name} (time timestamp)")
    for level in (1, 4, 16):
        await chunking.make_hypertable(connection, 1, level)
    assert list(made) == ["data.stream1", "data.stream1_4", "data.stream1_16"]
    second = 1_000_000
    await chunking.set_lengths(connection, STREAM, Total(201, 0, 200 * second // 1000))
    rows = psutil.virtual_memory().total * 0.05 / STREAM.layout.row_bytes
    base_us = made["data.stream1"]
    assert base_us is not None
    assert base_us == pytest.approx(min(rows * 1000, timescale.CHUNK_US_MAX), rel=1e-3)
    assert made["data.stream1_4"] == base_us
    assert made["data.stream1_16"] == min(4 * base_us, timescale.CHUNK_US_MAX)


async def test_a_level_that_comes_later_follows_the_rows(
    engine: PostgresEngine, connection: Connection, made: dict[str, int | None]
) -> None:
    made["data.stream1"] = DAY_US
    for level in (4, 64, 4**9):
        await chunking.make_hypertable(connection, 1, level)
    lengths = {name.rpartition("_")[2]: length for name, length in made.items() if "_" in name}
    assert lengths == {"4": DAY_US, "64": 16 * DAY_US, "262144": 365 * DAY_US}
