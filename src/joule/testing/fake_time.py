"""Time that passes as soon as everybody waits: an hour of a module in a moment.

Inside :func:`fake_time` the clocks of the standard library and the event loop show the same
made-up time. When no task can go on, it jumps to the next thing that is due. What runs in threads
takes no time. It is for code that waits for its clock and for its own tasks; a network has a time
of its own.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_US = 1_700_000_000_000_000
"""Where fake time begins unless told otherwise: 14 November 2023."""


_TICK_S = 1e-9
"""What clocks can show at least: a shorter wait than that is one of this length."""


class Hands:
    """What the clocks show; ``now_ns`` are UNIX nanoseconds."""

    def __init__(self, start_us: int) -> None:
        self._start_ns = self.now_ns = start_us * 1000

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(max(0.0, seconds) * 1e9)

    def time(self) -> float:
        """UNIX seconds."""
        return self.now_ns / 1e9

    def time_ns(self) -> int:
        """UNIX nanoseconds."""
        return self.now_ns

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self.monotonic_ns() / 1e9

    def monotonic_ns(self) -> int:
        """Nanoseconds since the start."""
        return self.now_ns - self._start_ns

    sleep = advance


class _JumpingSelector(selectors.DefaultSelector):
    """Waits by turning the hands instead of waiting, unless threads are at work."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._hands = hands
        self.working = 0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self.working:
            return super().select(None)
        self._hands.advance(max(timeout, _TICK_S))
        return ready


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that never waits for time to pass."""

    def __init__(self, hands: Hands) -> None:
        self._jumping = _JumpingSelector(hands)
        super().__init__(self._jumping)

    def run_in_executor(  # type: ignore[override]  # its type varies between Python versions
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """As everywhere; time stands still until the function has returned."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.working += 1
        future.add_done_callback(self._note_done)
        return future

    def _note_done(self, _: object) -> None:
        self._jumping.working -= 1


@contextmanager
def fake_time(start_us: int = START_US) -> Iterator[Hands]:
    """Let the functions of ``time`` show made-up time, beginning at ``start_us`` (UNIX us)."""
    hands = Hands(start_us)
    names = ("monotonic", "monotonic_ns", "sleep", "time", "time_ns")
    real = {name: getattr(time, name) for name in names}
    for name in names:
        setattr(time, name, getattr(hands, name))
    try:
        yield hands
    finally:
        for name in names:
            setattr(time, name, real[name])
