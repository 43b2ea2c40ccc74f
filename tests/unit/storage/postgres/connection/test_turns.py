from __future__ import annotations

import asyncio

import pytest

from joule.errors import StorageError
from joule.storage.postgres.connection.turns import Turns


async def test_who_stands_in_line_for_a_silent_server_is_told_at_once() -> None:
    turns, asked = Turns(), []

    async def ask(number: int) -> None:
        async with turns.turn():
            asked.append(number)
            await asyncio.sleep(0.01)
            raise StorageError("it does not answer") from TimeoutError()

    results = await asyncio.gather(*map(ask, range(5)), return_exceptions=True)
    assert asked == [0]
    assert [str(error) for error in results] == ["it does not answer"] * 5
    with pytest.raises(StorageError):
        await ask(7)
    assert asked == [0, 7], "who comes afterwards must try again"


async def test_other_errors_are_the_business_of_one_alone() -> None:
    turns, asked = Turns(), []

    async def ask(number: int) -> None:
        async with turns.turn():
            asked.append(number)
            await asyncio.sleep(0.01)
            raise StorageError("no such table")

    await asyncio.gather(*map(ask, range(3)), return_exceptions=True)
    assert asked == [0, 1, 2]
