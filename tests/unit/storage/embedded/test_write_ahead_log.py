from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING

import apsw
import pytest

from joule.errors import StorageFullError
from joule.storage.embedded import database as database_module
from joule.storage.embedded import write_ahead_log
from joule.storage.embedded.database import READERS, Database

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, data BLOB)"
SMALL = 10_000
LARGE = 1_000_000


def add(connection: apsw.Connection, id_: int, size: int = SMALL) -> None:
    connection.execute("INSERT INTO thing VALUES (?, ?)", (id_, bytes(size)))


async def log_bytes(database: Database) -> int:
    """The size of the log once the writer has done what it has to do."""
    await database.write(lambda _: None)
    return database.path.with_name("joule.db-wal").stat().st_size


@pytest.fixture
def _full_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any log is too long for the room that is left."""
    monkeypatch.setattr(write_ahead_log, "FREE_SHARE", 1 << 50)


async def test_a_log_keeps_its_room_where_there_is_enough(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(partial(add, id_=1))
        assert await log_bytes(database) > SMALL


def room(path: Path) -> int:
    return path.with_name("joule.db-wal").stat().st_size


async def is_emptied(path: Path) -> bool:
    for _ in range(1000):
        if not room(path):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_long_log_gives_up_its_room_soon_after_the_last_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "REST_S", 0.05)
    async with Database(path, [SCHEMA]) as database:
        for number in range(3):
            await database.write(partial(add, id_=number, size=LARGE))
        assert room(path) > LARGE
        assert await is_emptied(path)
        found = await database.read(lambda c: c.execute("SELECT count(*) FROM thing").fetchone())
        assert found == (3,)


async def test_a_log_in_use_and_one_that_is_read_keep_their_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "REST_S", 0.05)
    async with Database(path, [SCHEMA]) as database:
        await database.write(partial(add, id_=1, size=2 * LARGE))
        reader = apsw.Connection(str(path))
        reader.execute("BEGIN; SELECT count(*) FROM thing").fetchall()
        await asyncio.sleep(0.2)
        assert room(path) > LARGE
        reader.close()
        await database.write(partial(add, id_=2))
        assert await is_emptied(path)


@pytest.mark.usefixtures("_full_device")
async def test_a_log_gives_up_its_room_on_a_device_that_fills_up(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        for number in range(3):
            await database.write(partial(add, id_=number))
            assert await log_bytes(database) == 0


@pytest.mark.usefixtures("_full_device")
async def test_a_write_that_fails_leaves_no_log_behind(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(lambda c: c.pragma("max_page_count", 100))
        with pytest.raises(StorageFullError):
            await database.write(partial(add, id_=1, size=LARGE))
        assert await log_bytes(database) == 0
        await database.write(partial(add, id_=2))


@pytest.mark.usefixtures("_full_device")
async def test_a_reader_only_puts_it_off(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(partial(add, id_=1))
        reader = apsw.Connection(str(path))
        reader.execute("BEGIN; SELECT * FROM thing").fetchall()
        await database.write(partial(add, id_=2))
        assert await log_bytes(database) > 0
        reader.close()
        await database.write(partial(add, id_=3))
        assert await log_bytes(database) == 0


async def test_a_long_log_is_written_back_and_used_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead_log, "CHECKPOINT_PAGES", 20)
    async with Database(path, [SCHEMA]) as database:
        for number in range(100):
            await database.write(partial(add, id_=number, size=5 * SMALL))
        assert await log_bytes(database) < 100 * 5 * SMALL / 10


async def test_a_log_stays_short_though_somebody_always_reads(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead_log, "CHECKPOINT_PAGES", 20)
    monkeypatch.setattr(write_ahead_log, "WAIT_PAGES", 80)
    ended = threading.Event()

    def look(connection: apsw.Connection) -> None:
        connection.execute("SELECT count(*) FROM thing").fetchall()
        ended.wait(0.03)

    async with Database(path, [SCHEMA]) as database:

        async def read() -> None:
            while not ended.is_set():
                await database.read(look)

        async with asyncio.TaskGroup() as group:
            for _ in range(READERS):
                group.create_task(read())
                await asyncio.sleep(0.01)  # so that one begins while the others are at it
            for number in range(100):
                await database.write(partial(add, id_=number, size=5 * SMALL))
            ended.set()
        assert await log_bytes(database) < 100 * 5 * SMALL / 4


async def test_a_reader_that_does_not_end_is_waited_for_a_few_times_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead_log, "CHECKPOINT_PAGES", 20)
    monkeypatch.setattr(write_ahead_log, "WAIT_PAGES", 80)
    async with Database(path, [SCHEMA]) as database:
        reader = apsw.Connection(str(path))
        reader.execute("BEGIN; SELECT * FROM thing").fetchall()
        waits: list[int] = []

        def give_up(tries: int) -> bool:
            waits.append(tries)
            return False

        await database.write(lambda c: c.set_busy_handler(give_up))
        for number in range(100):
            await database.write(partial(add, id_=number, size=SMALL))
        reader.close()
        assert 1 <= len(waits) <= 4
        await database.write(partial(add, id_=100))
        await database.write(partial(add, id_=101))
        assert await log_bytes(database) > 0


async def test_room_is_given_back_by_one_upkeep_also_after_work(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        for number in range(10):
            await database.write(partial(add, id_=number, size=LARGE))
        await database.write(lambda c: c.execute("DELETE FROM thing").fetchall())
        before = database.size_bytes
        await database.maintain()
        assert database.size_bytes < before / 2
