from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from joule.errors import DataError, StorageError, StorageFullError, StorageInUseError
from joule.storage.address import Address
from joule.storage.postgres.catalog import schema
from joule.storage.postgres.connection import connecting, errors, node_lock, outcome
from joule.storage.postgres.connection.errors import OutcomeUnknownError
from joule.storage.postgres.connection.server import CONNECTIONS_MAX, Server
from joule.testing.postgres import running_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from asyncpg import Connection

    from joule.testing.postgres import PostgresServer


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[Server]:
    server = await Server.open(Address.parse(address))
    try:
        await server.make(lambda c: schema.make(c, [outcome.SCHEMA]))
        await server.make(lambda c: c.execute("CREATE TABLE IF NOT EXISTS fruit (name text)"))
        yield server
    finally:
        await server.close()


@pytest.fixture
async def server(postgres_address: str) -> AsyncIterator[Server]:
    async with opened(postgres_address) as server:
        yield server


@pytest.fixture(scope="module")
def own_server(postgres_binaries: Path) -> Iterator[PostgresServer]:
    """A server that these tests alone use, and may kill."""
    with running_server(postgres_binaries, durable=True) as own:
        yield own


@pytest.fixture
async def mortal(own_server: PostgresServer) -> AsyncIterator[Server]:
    with own_server.fresh_database() as address:
        async with opened(address) as server:
            yield server


async def put(server: Server, name: str) -> None:
    await server.write(lambda c: c.execute("INSERT INTO fruit VALUES ($1)", name))


async def names(server: Server) -> list[str]:
    rows = await server.read(lambda c: c.fetch("SELECT name FROM fruit ORDER BY name"))
    return [name for (name,) in rows]


async def test_a_write_is_one_transaction(server: Server) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("INSERT INTO fruit VALUES ('apple')")
        await connection.execute("INSERT INTO nothing VALUES (1)")

    await put(server, "pear")
    with pytest.raises(StorageError, match="nothing"):
        await server.write(work)
    assert await names(server) == ["pear"]


async def test_what_is_done_first_and_last_is_in_the_same_transaction(server: Server) -> None:
    async def work(connection: Connection) -> str:
        await connection.execute("INSERT INTO fruit VALUES ('pear')")
        return "plum"

    apple = "INSERT INTO fruit VALUES ('apple')"
    for last in ("SELECT nothing", "INSERT INTO nothing VALUES (1)"):
        with pytest.raises(StorageError, match="nothing"):
            await server.write(work, opening=apple, closing={"plum": last}.__getitem__)
        assert await names(server) == []
    with pytest.raises(StorageError, match="nothing"):
        await server.write(work, opening="SELECT nothing")
    assert await names(server) == []
    await server.write(
        work, opening=apple, closing=lambda name: f"INSERT INTO fruit VALUES ('{name}')"
    )
    assert await names(server) == ["apple", "pear", "plum"]


async def test_a_write_gives_what_the_work_gives(server: Server) -> None:
    assert await server.write(lambda c: c.fetchval("SELECT 5")) == 5


async def test_errors_of_the_work_come_out_as_they_are(server: Server) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("INSERT INTO fruit VALUES ('apple')")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await server.write(work)
    assert await names(server) == []


async def test_a_cancelled_write_leaves_nothing_and_the_connection_usable(server: Server) -> None:
    begun = asyncio.Event()

    async def work(connection: Connection) -> None:
        await connection.execute("INSERT INTO fruit VALUES ('apple')")
        begun.set()
        await connection.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(server.write(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await put(server, "pear")
    assert await names(server) == ["pear"]


async def test_sessions_are_durable_whatever_the_server_says(postgres_address: str) -> None:
    async with opened(postgres_address) as server:
        database = server.address.database
        await server.make(
            lambda c: c.execute(f'ALTER DATABASE "{database}" SET synchronous_commit = off')
        )
        await server.make(
            lambda c: c.execute(f"ALTER DATABASE \"{database}\" SET timezone = 'Asia/Tokyo'")
        )
    async with opened(postgres_address) as server:
        settings = "SELECT current_setting('synchronous_commit'), current_setting('timezone')"
        assert tuple(await server.read(lambda c: c.fetchrow(settings))) == ("on", "UTC")


async def test_many_writes_at_once_leave_a_mark_each_in_few_places(server: Server) -> None:
    await asyncio.gather(*(put(server, f"n{n:02}") for n in range(40)))
    assert len(await names(server)) == 40
    assert 0 < await server.read(lambda c: c.fetchval("SELECT count(*) FROM joule.mark")) <= 40


async def test_a_database_belongs_to_one_node(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_lock, "PATIENCE_S", 0.0)
    with pytest.raises(StorageInUseError, match="is in use by another node"):
        await Server.open(server.address)


async def test_a_closed_database_can_be_opened_at_once(postgres_address: str) -> None:
    for _ in range(3):
        async with opened(postgres_address) as server:
            await put(server, "pear")


async def test_closing_twice_is_fine(server: Server) -> None:
    await server.close()
    await server.close()


async def test_text_that_cannot_be_stored_is_refused_and_nothing_changes(server: Server) -> None:
    for name in ("a\0b", "\ud800"):
        with pytest.raises(DataError, match="cannot store"):
            await put(server, name)
    assert await names(server) == []


async def test_a_full_device_is_said_to_be_full(server: Server) -> None:
    full = "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"
    with pytest.raises(StorageFullError, match="no room left"):
        await server.write(lambda c: c.execute(full))


async def test_a_read_survives_the_loss_of_its_connection(server: Server) -> None:
    await put(server, "pear")
    lost = False

    async def work(connection: Connection) -> list[str]:
        nonlocal lost
        if not lost:
            lost = True
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return [name for (name,) in await connection.fetch("SELECT name FROM fruit")]

    assert await server.read(work) == ["pear"]


async def test_a_read_that_takes_too_long_is_not_tried_again(server: Server) -> None:
    tries = []

    async def work(connection: Connection) -> None:
        tries.append(connection)
        await connection.execute("SELECT pg_sleep(60)", timeout=0.1)

    with pytest.raises(StorageError, match="no answer in time"):
        await server.read(work)
    assert len(tries) == 1


async def test_long_reads_leave_connections_to_writes(server: Server) -> None:
    enough = asyncio.Event()

    async def work(connection: Connection) -> None:
        await enough.wait()

    reads = [asyncio.create_task(server.read(work)) for _ in range(3 * CONNECTIONS_MAX)]
    try:
        await asyncio.gather(*(put(server, "pear") for _ in range(5)))
        assert not any(read.done() for read in reads)
    finally:
        enough.set()
        await asyncio.gather(*reads)


async def test_a_write_whose_connection_breaks_changes_nothing(server: Server) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("INSERT INTO fruit VALUES ('apple')")
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StorageError, match="is lost"):
        await server.write(work)
    assert await names(server) == []
    await put(server, "pear")


@pytest.mark.parametrize("reached", [True, False])
async def test_a_commit_that_breaks_is_looked_up(
    server: Server, monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    """The connection breaks right after the commit took place, or right before it."""
    commit = Server._commit

    async def breaking(self: Server, connection: Connection, place: int, closing: str) -> None:
        class Breaking:
            async def execute(self, query: str) -> None:
                if reached:
                    await connection.execute(query)
                connection.terminate()
                raise ConnectionResetError("cable cut")

        await commit(self, Breaking(), place, closing)

    with monkeypatch.context() as patched:
        patched.setattr(Server, "_commit", breaking)
        if reached:
            await put(server, "pear")
        else:
            with pytest.raises(StorageError, match="cable cut"):
                await put(server, "pear")
    assert await names(server) == (["pear"] if reached else [])


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_a_session_that_is_still_at_it_is_waited_for(
    server: Server, used_before: bool, ending: str
) -> None:
    marks, place = server._marks, 99
    if used_before:
        await server.write(lambda connection: connection.execute(marks.leave(place)[1]))
    async with server.connection() as lingering:
        await lingering.execute("BEGIN")
        mark, leaving = marks.leave(place)
        await lingering.execute(leaving)
        question = asyncio.create_task(marks.is_there(place, mark))
        await _until_somebody_waits(server)
        await lingering.execute(ending)
        assert await question is (ending == "COMMIT")


async def _until_somebody_waits(server: Server) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(20):
        while not await server.read(lambda connection: connection.fetchval(waiting)):
            pass  # each look lets the others go on


async def test_the_lock_is_taken_again_when_its_session_is_gone(server: Server) -> None:
    await server.read(
        lambda c: c.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    )
    await asyncio.sleep(0.1)
    await put(server, "pear")
    with pytest.raises(StorageInUseError):
        await Server.open(server.address)


class TestOutages:
    async def test_a_restart_is_noticed_by_nobody_who_asks_later(
        self, mortal: Server, own_server: PostgresServer
    ) -> None:
        await put(mortal, "pear")
        own_server.stop_at_once()
        own_server.start()
        assert await names(mortal) == ["pear"]
        own_server.kill()
        own_server.start()
        await put(mortal, "quince")
        assert await names(mortal) == ["pear", "quince"]

    async def test_a_server_that_is_down_is_an_error_and_not_a_wait(
        self, mortal: Server, own_server: PostgresServer
    ) -> None:
        own_server.stop()
        try:
            for step in (put(mortal, "pear"), names(mortal)):
                with pytest.raises(StorageError, match="cannot connect to postgresql://postgres@"):
                    await step
        finally:
            own_server.start()
        assert await names(mortal) == []

    async def test_a_server_that_does_not_answer_is_given_up(
        self, own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connecting, "ANSWER_TIMEOUT_S", 0.5)
        monkeypatch.setattr(connecting, "CONNECT_TIMEOUT_S", 0.5)
        monkeypatch.setattr(outcome, "PATIENCE_S", 0.5)
        with own_server.fresh_database() as address:
            async with opened(address) as server:
                own_server.freeze()
                try:
                    for step in (put(server, "pear"), names(server)):
                        with pytest.raises(StorageError):
                            await step
                finally:
                    own_server.thaw()
                await put(server, "quince")
                assert "quince" in await names(server)

    async def test_a_commit_whose_end_nobody_knows_is_said_to_be_one(
        self, mortal: Server, own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outcome, "PATIENCE_S", 0.2)

        async def work(connection: Connection) -> None:
            await connection.execute("INSERT INTO fruit VALUES ('apple')")

        leave = outcome.Marks.leave

        def left(self: outcome.Marks, place: int) -> object:
            own_server.kill()
            return leave(self, place)

        with monkeypatch.context() as patched:
            patched.setattr(outcome.Marks, "leave", left)
            with pytest.raises(OutcomeUnknownError):
                await mortal.write(work)
        own_server.start()
        assert await names(mortal) == []


async def test_what_cannot_be_connected_to_says_why(postgres_address: str) -> None:
    place = Address.parse(postgres_address)
    nowhere = Address(place.host, place.port, "no_such_database", place.user)
    with pytest.raises(StorageError, match='database "no_such_database" does not exist'):
        await Server.open(nowhere)
    nobody = Address(place.host, place.port, place.database, "no_such_user", "secret")
    with pytest.raises(StorageError, match="no_such_user") as caught:
        await Server.open(nobody)
    assert "secret" not in str(caught.value)


def test_the_driver_s_own_mistakes_pass() -> None:
    assert not errors.is_lost(KeyError())
