from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import apsw
import pytest

from joule.errors import (
    StorageDamagedError,
    StorageError,
    StorageFormatError,
    StorageFullError,
)
from joule.storage.embedded.database import FORMAT_VERSION, Database

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, data BLOB)"

HOLD_THE_FILE = """
import asyncio, sys
from pathlib import Path
from joule.storage.embedded.database import Database

async def main():
    async with Database(Path(sys.argv[1])):
        print("open", flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


def things(connection: apsw.Connection) -> list[int]:
    return [id_ for (id_,) in connection.execute("SELECT id FROM thing ORDER BY id")]


def add(connection: apsw.Connection, id_: int, data: bytes = b"") -> None:
    connection.execute("INSERT INTO thing VALUES (?, ?)", (id_, data))


def add_many(connection: apsw.Connection, count: int, size: int) -> None:
    for id_ in range(count):
        add(connection, id_, bytes(size))


def contents(path: Path) -> bytes:
    return path.read_bytes()


def fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def size(path: Path) -> int:
    return path.stat().st_size


def start(*command: str, inherit: bool = False) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=not inherit
    )


async def test_what_is_written_is_read_and_there_again_after_opening(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(lambda c: add(c, 1))
        assert await database.read(things) == [1]
    async with Database(path, [SCHEMA]) as database:
        assert await database.read(things) == [1]


async def test_all_settings_of_the_writer_are_in_force(path: Path) -> None:
    names = ["page_size", "auto_vacuum", "journal_mode", "synchronous", "secure_delete"]
    names += ["journal_size_limit", "cache_size", "user_version"]
    async with Database(path) as database:
        found = await database.write(lambda c: [c.pragma(name) for name in names])
    assert found == [4096, 2, "wal", 3, 0, 16 << 20, -8192, FORMAT_VERSION]


async def test_a_write_that_raises_changes_nothing_and_is_not_done(path: Path) -> None:
    done: list[None] = []

    def fail(connection: apsw.Connection) -> None:
        add(connection, 1)
        raise KeyError("a reason")

    async with Database(path, [SCHEMA]) as database:
        with pytest.raises(KeyError, match="a reason"):
            await database.write(fail, done.append)
        assert await database.read(things) == []
        await database.write(lambda c: add(c, 2), done.append)
    assert done == [None]


async def test_writes_share_one_thread_that_is_not_the_event_loops(path: Path) -> None:
    async with Database(path) as database:
        idents = {await database.write(lambda _: threading.get_ident()) for _ in range(5)}
        idents |= {await database.write(lambda _: 0, lambda _: idents.add(threading.get_ident()))}
    assert len(idents - {0}) == 1
    assert threading.get_ident() not in idents


async def test_a_read_sees_one_state_and_may_not_write(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        with pytest.raises(StorageError, match="read-only"):
            await database.read(lambda c: add(c, 1))
        assert await database.read(things) == []


async def test_a_second_process_is_told_that_the_file_is_in_use(path: Path) -> None:
    with start(sys.executable, "-c", HOLD_THE_FILE, str(path)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StorageError, match=r"joule\.db is in use by another process"):
            await Database(path).__aenter__()
        holder.communicate(b"\n")
    async with Database(path, [SCHEMA]) as database:
        assert await database.read(things) == []


async def test_child_processes_do_not_inherit_the_lock(path: Path) -> None:
    async with Database(path):
        child = start("cat", inherit=True)
    try:
        with path.with_name("joule.db.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        child.communicate()


async def test_only_the_owner_may_read_the_files(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(lambda c: add(c, 1))
        files = list(path.parent.iterdir())
        assert len(files) == 4
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


async def test_a_newer_format_is_refused_by_its_number(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(lambda c: c.pragma("user_version", FORMAT_VERSION + 1))
    with pytest.raises(StorageFormatError, match=f"storage format {FORMAT_VERSION + 1}"):
        await Database(path).__aenter__()


async def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = contents(path)
    with pytest.raises(StorageFormatError, match="not a Joule store"):
        await Database(path, [SCHEMA]).__aenter__()
    assert contents(path) == before


async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    fill(path, b"rows of something else " * 500)
    before = contents(path)
    with pytest.raises(StorageFormatError, match="not a Joule store"):
        await Database(path).__aenter__()
    assert contents(path) == before


async def test_a_damaged_file_is_reported_as_such(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(lambda c: add_many(c, 50, 3000))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 20)
    async with Database(path) as database:
        with pytest.raises(StorageDamagedError, match="is damaged"):
            await database.read(things)


async def test_a_folder_that_does_not_exist_is_named(path: Path) -> None:
    missing = path.parent / "nowhere" / "joule.db"
    with pytest.raises(StorageError, match="nowhere"):
        await Database(missing).__aenter__()


async def test_a_full_device_is_told_from_other_faults(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(lambda c: c.pragma("max_page_count", 20))
        with pytest.raises(StorageFullError, match="no room left"):
            await database.write(lambda c: add(c, 1, bytes(200_000)))
        await database.write(lambda c: add(c, 2))
        assert await database.read(things) == [2]


async def test_a_closed_database_refuses_work(path: Path) -> None:
    database = Database(path)
    async with database:
        pass
    await database.close()
    with pytest.raises(StorageError, match="is closed"):
        await database.write(lambda _: None)


async def test_maintenance_gives_back_free_pages_and_the_log(path: Path) -> None:
    async with Database(path, [SCHEMA]) as database:
        await database.write(lambda c: add_many(c, 300, 100_000))
        await database.maintain()
        full = size(path)
        await database.write(lambda c: c.execute("DELETE FROM thing").fetchall())
        for _ in range(10):
            await database.maintain()
        assert size(path) < full / 3
        assert size(path.with_name("joule.db-wal")) == 0


async def test_a_log_in_use_keeps_its_room_until_all_is_quiet(path: Path) -> None:
    log = path.with_name("joule.db-wal")
    async with Database(path, [SCHEMA]) as database:
        for number in range(3):
            await database.write(partial(add, id_=number, data=bytes(10_000)))
            await database.maintain()
            assert size(log) > 0
        await database.maintain()
        assert size(log) == 0
