"""Damaged tail records: what can be proven is kept, what is lost is told, the store opens."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np
import pytest

from joule.errors import StorageInUseError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.checking.forgetting import forget_losses
from joule.storage.interfaces import StreamRef
from joule.testing.engine_contract.checks import check_stream, make_rows

from .stores import findings

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.layout import Rows

BUSY = StreamRef(1, Layout("int16", 1))
"""Has ten rows in every record."""
RARE = StreamRef(2, Layout("float64", 2))
"""Has rows in the first and the last record only."""
RECORDS = 6


def rows(stream: StreamRef, start: int, end: int) -> Rows:
    return make_rows(stream.layout, np.arange(start, end) * 10)


async def fill(path: Path) -> None:
    """Records 1 to 6; no stream has any chunks."""
    async with EmbeddedEngine(path) as engine:
        for number in range(RECORDS):
            engine.samples.append(BUSY, rows(BUSY, number * 10, (number + 1) * 10))
            if number in (0, RECORDS - 1):
                engine.samples.append(RARE, rows(RARE, number * 10, number * 10 + 3))
            await engine.samples.commit()


def change(path: Path, sql: str, *bindings: Any) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(sql, bindings).fetchall()


def ask(path: Path, sql: str) -> list[Any]:
    with closing(apsw.Connection(str(path))) as connection:
        return connection.execute(sql).fetchall()


def flip(path: Path, number: int, at: int = 20) -> None:
    ((data,),) = ask(path, f"SELECT data FROM tail WHERE number = {number}")
    at %= len(data)
    damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    change(path, "UPDATE tail SET data = ? WHERE number = ?", damaged, number)


async def check(path: Path, busy: list[Rows], rare: list[Rows]) -> str | None:
    """Compare both streams; gives what the store says to be wrong."""
    async with EmbeddedEngine(path) as engine:
        await check_stream(engine.samples, BUSY, busy)
        await check_stream(engine.samples, RARE, rare)
        return (await engine.usage()).fault


ALL_RARE = [np.concatenate([rows(RARE, 0, 3), rows(RARE, 50, 53)])]
WITHOUT_4 = [rows(BUSY, 0, 30), rows(BUSY, 40, 60)]

DAMAGE = {
    "flipped": "UPDATE tail SET data = zeroblob(4) || substr(data, 5) WHERE number = 4",
    "cut": "UPDATE tail SET data = substr(data, 1, length(data) - 7) WHERE number = 4",
    "empty": "UPDATE tail SET data = x'' WHERE number = 4",
    "no bytes": "UPDATE tail SET data = 7 WHERE number = 4",
    "missing": "DELETE FROM tail WHERE number = 4",
    "of another number": "UPDATE tail SET number = -4 WHERE number = 4",
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_records_behind_a_damaged_one_are_kept_with_a_break_where_rows_are_missing(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(path)
    change(path, DAMAGE[damage])
    fault = await check(path, WITHOUT_4, ALL_RARE)
    assert fault is not None
    assert "damaged data was put aside" in fault
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "data stream 1: 10 rows of 1970-01-01T00:00:00.000291+00:00 to " in errors[0]
    assert "data stream 2" not in errors[0]


async def test_damage_is_met_once_and_stays_on_record(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(path)
    flip(path, 4)
    await check(path, WITHOUT_4, ALL_RARE)
    caplog.clear()
    async with EmbeddedEngine(path) as engine:
        engine.samples.append(BUSY, rows(BUSY, 60, 70))
        await engine.samples.commit()
    assert await check(path, [WITHOUT_4[0], rows(BUSY, 40, 70)], ALL_RARE) is not None
    assert caplog.records == []
    found = findings(path)
    assert any("data_stream 1: damage found on" in text and "10 rows" in text for text in found)
    assert any("bytes of it are kept in the table quarantine" in text for text in found)


async def test_what_is_put_aside_are_the_bytes_as_they_were_found(path: Path) -> None:
    await fill(path)
    flip(path, 4)
    before = ask(path, "SELECT data FROM tail WHERE number = 4")
    await check(path, WITHOUT_4, ALL_RARE)
    assert ask(path, "SELECT data FROM quarantine WHERE data IS NOT NULL") == before


async def test_losses_that_were_seen_can_be_forgotten_while_nobody_uses_the_store(
    path: Path,
) -> None:
    await fill(path)
    flip(path, 4)
    await check(path, WITHOUT_4, ALL_RARE)
    async with EmbeddedEngine(path):
        with pytest.raises(StorageInUseError):
            forget_losses(path)
    assert forget_losses(path) == 2
    assert await check(path, WITHOUT_4, ALL_RARE) is None


async def test_the_last_record_may_be_damaged_and_is_told_by_what_it_seems_to_hold(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(path)
    flip(path, RECORDS, at=0)
    await check(path, [rows(BUSY, 0, 50)], [rows(RARE, 0, 3)])
    assert "seems to hold 10 rows of data stream 1, 3 rows of data stream 2" in caplog.text


async def test_a_damaged_first_record_leaves_a_break_before_what_follows(path: Path) -> None:
    await fill(path)
    async with EmbeddedEngine(path) as engine:
        await engine.samples.insert(
            BUSY, rows(BUSY, -10, 0), starts_interval=False, ends_interval=False
        )
        for number in (6, 7):
            engine.samples.append(BUSY, rows(BUSY, number * 10, (number + 1) * 10))
            await engine.samples.commit()
    numbers = [number for (number,) in ask(path, "SELECT number FROM tail ORDER BY number")]
    flip(path, numbers[-2])
    expected = [rows(BUSY, -10, 60), rows(BUSY, 70, 80)]
    await check(path, expected, ALL_RARE)


FLOORS = {
    "another number": "UPDATE tail_floor SET number = number - 3",
    "another stream": "UPDATE tail_floor SET stream = stream + 5",
    "another checksum": "UPDATE tail_floor SET sum = sum + 1",
    "no number": "UPDATE tail_floor SET number = 'text'",
    "gone": "DELETE FROM tail_floor",
}


@pytest.mark.parametrize("damage", FLOORS)
@pytest.mark.parametrize("more", [False, True])
async def test_rows_that_were_sealed_do_not_come_back_when_a_floor_is_damaged(
    path: Path, damage: str, *, more: bool
) -> None:
    await fill(path)
    async with EmbeddedEngine(path) as engine:
        late = rows(BUSY, 1000, 1001)
        await engine.samples.insert(BUSY, late, starts_interval=True, ends_interval=True)
        if more:
            engine.samples.append(BUSY, rows(BUSY, 2000, 2010), starts_interval=True)
            await engine.samples.commit()
    assert ask(path, "SELECT count(*) FROM tail_floor") == [(1,)]
    change(path, FLOORS[damage])
    last = [rows(BUSY, 2000, 2010)] if more else []
    await check(path, [rows(BUSY, 0, 60), late, *last], ALL_RARE)
    assert await check(path, [rows(BUSY, 0, 60), late, *last], ALL_RARE)


@pytest.mark.parametrize("table", ["tail", "tail_floor"])
async def test_the_store_opens_when_a_whole_table_of_the_tail_cannot_be_read(
    path: Path, table: str
) -> None:
    await fill(path)
    async with EmbeddedEngine(path) as engine:
        await engine.samples.insert(
            RARE, rows(RARE, 900, 901), starts_interval=True, ends_interval=True
        )
    ((page,),) = ask(path, f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 64)
    async with EmbeddedEngine(path) as engine:
        assert (await engine.usage()).fault is not None
        for start in (100, 110):
            engine.samples.append(BUSY, rows(BUSY, start, start + 10))
            await engine.samples.commit()
    async with EmbeddedEngine(path) as engine:
        assert await engine.samples.count(BUSY, Interval(1000, 2000)) == 20
        assert await engine.samples.count(RARE, ALL_TIME) == 7
    assert findings(path)


async def test_what_was_deleted_or_sealed_in_a_whole_store_is_no_damage(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(path)
    async with EmbeddedEngine(path) as engine:
        await engine.samples.delete(BUSY, Interval(100, 200))
        engine.samples.append(BUSY, rows(BUSY, 60, 70))
        await engine.samples.commit()
        await engine.samples.retain(RARE, 10**9)
        await engine.samples.drop([BUSY.id])
        engine.samples.append(BUSY, rows(BUSY, 0, 5))
        await engine.samples.commit()
    assert await check(path, [rows(BUSY, 0, 5)], []) is None
    assert caplog.records == []
