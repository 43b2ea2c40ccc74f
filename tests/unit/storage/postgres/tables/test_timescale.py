"""The SQL for TimescaleDB, as text: the extension itself is not at hand."""

from __future__ import annotations

from typing import Any

import pytest

from joule.storage.postgres.tables import timescale
from joule.storage.postgres.tables.timescale import CHUNK_US_MAX, chunk_length_us

GIGABYTE = 1 << 30
SECOND = 1_000_000


class Recorder:
    """A connection that notes what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, tuple[object, ...]]] = []

    async def execute(self, sql: str, *values: object) -> None:
        self.said.append((" ".join(sql.split()), values))

    async def fetch(self, sql: str, *values: object) -> list[tuple[str]]:
        await self.execute(sql, *values)
        return [("data.stream1",)]

    async def fetchval(self, sql: str, *values: object) -> Any:
        await self.execute(sql, *values)
        return 3


async def test_hypertables_have_the_chunks_of_timescale_or_those_asked_for() -> None:
    recorder = Recorder()
    await timescale.make_hypertable(recorder, "data.stream1")
    await timescale.make_hypertable(recorder, "data.event1", "start_time", 5 * SECOND)
    await timescale.set_chunk(recorder, "data.stream1", 7 * SECOND)
    (first, first_values), (second, second_values), (third, third_values) = recorder.said
    assert "create_hypertable(" in first
    assert "chunk_time_interval" not in first
    assert "chunk_time_interval => $3::bigint" in second
    assert third.startswith("SELECT set_chunk_time_interval(")
    assert first_values == ("data.stream1", "time")
    assert second_values == ("data.event1", "start_time", 5 * SECOND)
    assert third_values == ("data.stream1", 7 * SECOND)


async def test_old_chunks_are_dropped_and_compressed() -> None:
    recorder = Recorder()
    assert await timescale.drop_chunks(recorder, "data.stream1", 9) == 3
    await timescale.compress(recorder, SECOND)
    (drop, values), (look, _), (alter, _), (policy, age) = recorder.said
    assert "WHERE hypertable_schema = 'data'" in look
    assert alter.startswith("ALTER TABLE data.stream1 SET (timescaledb.compress,")
    assert age == ("data.stream1", SECOND)
    assert "drop_chunks($1::text::regclass, older_than => $2::timestamp)" in drop
    assert values == ("data.stream1", 9)
    assert "timescaledb.compress_orderby = 'time'" in alter
    assert "add_compression_policy(" in policy


@pytest.mark.parametrize(("level", "factor"), [(1, 1), (4, 1), (16, 4), (64, 16), (256, 64)])
def test_a_chunk_takes_a_share_of_the_memory(level: int, factor: int) -> None:
    rows = GIGABYTE * 0.05 / 100
    assert chunk_length_us(100, 10.0, level, GIGABYTE) == int(rows * 10 * factor)


def test_a_chunk_is_a_year_long_at_most() -> None:
    assert chunk_length_us(12, SECOND, 64, GIGABYTE) == CHUNK_US_MAX
    assert chunk_length_us(12, 0.0, 1, GIGABYTE) == 1
