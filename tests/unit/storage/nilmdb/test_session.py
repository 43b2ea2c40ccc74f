from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.nilmdb.session import RefusedError, Session
from tests.integration.nilmdb import NilmDB, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def session(double: NilmDB) -> AsyncIterator[Session]:
    async with Session(f"{double.url}/") as session:
        yield session


async def test_a_server_that_is_not_there_is_named(double: NilmDB) -> None:
    double.is_down = True
    with pytest.raises(StorageError, match=f"NilmDB at .{double.url}. does not answer"):
        await Session(double.url).__aenter__()


async def test_another_server_is_no_nilmdb() -> None:
    class Other(NilmDB):
        async def _greet(self, _: web.Request) -> web.Response:
            return web.Response(text="hello")

    with serving(Other()) as other, pytest.raises(StorageError, match="there is no NilmDB at"):
        await Session(other.url).__aenter__()


async def test_a_path_that_is_not_there_is_empty(session: Session) -> None:
    assert await session.intervals("/joule/1", ALL_TIME) == []
    assert await session.count("/joule/1", ALL_TIME) == 0
    assert await session.extract("/joule/1", ALL_TIME, 100) == b""
    await session.remove("/joule/1", ALL_TIME)
    await session.destroy("/joule/1")


async def test_a_path_may_be_made_again(session: Session) -> None:
    await session.create("/joule/1", "int16_2")
    await session.create("/joule/1", "int16_2")
    assert [entry.layout for entry in await session.entries("/joule/%")] == ["int16_2"]


async def test_a_refusal_says_why(session: Session) -> None:
    await session.create("/joule/1", "int8_1")
    await session.insert("/joule/1", Interval(0, 10), b"")
    with pytest.raises(RefusedError, match=r"overlaps existing data \[400\]"):
        await session.insert("/joule/1", Interval(5, 20), b"")


async def test_a_lost_connection_is_no_refusal(session: Session, double: NilmDB) -> None:
    double.lose("/stream/create", "answer")
    with pytest.raises(StorageError) as caught:
        await session.create("/joule/1", "int8_1")
    assert not isinstance(caught.value, RefusedError)
    assert list(double.streams) == ["/joule/1"]


async def test_an_answer_that_cannot_be_read_is_an_error() -> None:
    class Odd(NilmDB):
        async def _dbinfo(self, _: web.Request) -> web.Response:
            return web.Response(text="<html>")

    with serving(Odd()) as odd:
        async with Session(odd.url) as session:
            with pytest.raises(StorageError, match="answers in another way"):
                await session.usage()


async def test_much_is_not_taken_in_at_once(session: Session) -> None:
    await session.create("/joule/1", "int8_1")
    rows = b"".join(time.to_bytes(9, "little") for time in range(100_000))
    await session.insert("/joule/1", Interval(0, 100_000), rows)
    some = await session.extract("/joule/1", ALL_TIME, 100_000)
    assert 100_000 < len(some) < len(rows) // 2
    assert rows.startswith(some)
