from __future__ import annotations

import asyncio

import pytest

from joule.server.streams import LastingRequests


async def _wait_until_stopped(lasting: LastingRequests, begun: asyncio.Event) -> bool:
    with lasting.until_stopped() as outcome:
        begun.set()
        await asyncio.Event().wait()
    return outcome.stopped


async def test_stopping_ends_every_block_and_tells_it() -> None:
    lasting, begun = LastingRequests(), [asyncio.Event(), asyncio.Event()]
    tasks = [asyncio.create_task(_wait_until_stopped(lasting, event)) for event in begun]
    for event in begun:
        await event.wait()
    lasting.stop()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*tasks) == [True, True]


async def test_a_block_that_begins_after_the_stop_ends_at_once() -> None:
    lasting = LastingRequests()
    lasting.stop()
    async with asyncio.timeout(5):
        assert await asyncio.create_task(_wait_until_stopped(lasting, asyncio.Event()))


async def test_a_cancellation_by_somebody_else_goes_through() -> None:
    lasting, begun = LastingRequests(), asyncio.Event()
    task = asyncio.create_task(_wait_until_stopped(lasting, begun))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_lost_client_during_the_stop_is_a_cancellation() -> None:
    lasting, begun = LastingRequests(), asyncio.Event()
    task = asyncio.create_task(_wait_until_stopped(lasting, begun))
    await begun.wait()
    lasting.stop()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_block_that_ended_by_itself_is_not_disturbed() -> None:
    lasting = LastingRequests()
    with lasting.until_stopped() as outcome:
        pass
    lasting.stop()
    await asyncio.sleep(0)
    assert not outcome.stopped
