from __future__ import annotations

import asyncio

import pytest

from joule.storage.tasks import completely


async def test_a_step_is_finished_though_its_caller_is_cancelled() -> None:
    done = []

    async def step() -> None:
        await asyncio.sleep(0.01)
        done.append(True)

    task = asyncio.create_task(completely(step()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done


async def test_the_failure_of_a_step_nobody_waits_for_is_no_leftover() -> None:
    async def step() -> None:
        await asyncio.sleep(0.01)
        raise OSError

    task = asyncio.create_task(completely(step()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_a_step_gives_or_raises_comes_out() -> None:
    async def good() -> int:
        return 5

    async def bad() -> None:
        raise OSError("broken")

    assert await completely(good()) == 5
    with pytest.raises(OSError, match="broken"):
        await completely(bad())
