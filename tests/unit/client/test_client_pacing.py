"""The pace of readers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from joule.client import BaseModule
from joule.client.pacing import ticks

if TYPE_CHECKING:
    import pytest


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 10**15
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.now_ns)
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, delay: float) -> None:
        self.now_ns += round(delay * 1e9)


async def collect(
    module: BaseModule, period_s: float, count: int, clock: Clock, lag: float
) -> list[float]:
    seen = []
    async for elapsed in ticks(module, period_s):
        seen.append(round(elapsed, 6))
        await clock.sleep(lag)
        if len(seen) == count:
            module.stop()
    return seen


async def test_ticks_come_now_and_after_every_period(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert await collect(BaseModule(), 0.1, 4, clock, 0.03) == [0, 0.1, 0.2, 0.3]


async def test_a_late_tick_comes_at_once_and_the_pace_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, module, seen = Clock(monkeypatch), BaseModule(), []
    async for elapsed in ticks(module, 0.5):
        seen.append(round(elapsed, 6))
        await clock.sleep(1.2 if len(seen) == 1 else 0.0)
        if len(seen) == 4:
            module.stop()
    assert seen == [0, 1.2, 1.5, 2.0]


async def test_a_slow_pace_still_notices_a_request_to_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, module = Clock(monkeypatch), BaseModule()
    begin = clock.now_ns

    async def stop_soon(delay: float) -> None:
        clock.now_ns += round(delay * 1e9)
        if clock.now_ns > begin + 10**9:
            module.stop()

    monkeypatch.setattr(asyncio, "sleep", stop_soon)
    assert [elapsed async for elapsed in ticks(module, 100)] == [0]
    assert clock.now_ns < begin + 2 * 10**9
