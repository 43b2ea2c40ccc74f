"""How far long work has come: a bar on a terminal, a line a minute in a log.

Both go to standard error and tell the share that is done, the rows, their rate and the time left.
:func:`interruptible` is how Ctrl-C ends such work: what was done is said, and the status is 130.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from joule.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINE_EVERY_S = 60.0
"""How often a line is written where there is no terminal."""

INTERRUPTED = 130
"""The status of a command that Ctrl-C has ended, as shells have it."""

_BAR_STEPS = 1000


class Progress:
    """Work of a known ``length``, whatever that is, that passes rows; a context manager.

    ``unit`` is another name for what passes.
    """

    def __init__(
        self,
        label: str,
        length: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        unit: str = "rows",
    ) -> None:
        self.rows = 0
        self._label = label
        self._unit = unit
        self._length = max(length, 1)
        self._done = 0
        self._clock = clock
        self._began = self._told = clock()
        self._stack = contextlib.ExitStack()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            bar: Any = click.progressbar(
                length=_BAR_STEPS,
                label=self._label,
                file=sys.stderr,
                item_show_func=lambda _: self.counts,
            )
            self._bar = self._stack.enter_context(bar)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def advance(self, rows: int, amount: int) -> None:
        """Note that so many rows and so much of the length are done."""
        self.rows += rows
        self._done = min(self._done + amount, self._length)
        if self._bar is not None:
            self._bar.update(self._done * _BAR_STEPS // self._length - self._bar.pos)
        elif self._clock() - self._told >= LINE_EVERY_S:
            self._told = self._clock()
            output.note(f"{self._label}: {self.line}")

    @property
    def counts(self) -> str:
        """The rows and their rate."""
        rate = self.rows / max(self._elapsed, 1e-6)
        return f"{grouped(self.rows)} {self._unit}, {grouped(round(rate))} {self._unit}/s"

    @property
    def line(self) -> str:
        """All that is known, in one line."""
        share = self._done / self._length
        left = f", {_duration(self._elapsed * (1 - share) / share)} left" if share else ""
        return f"{share:.0%}, {self.counts}{left}"

    @property
    def _elapsed(self) -> float:
        return self._clock() - self._began


def grouped(number: int) -> str:
    """Write a number with blanks between thousands."""
    return f"{number:,}".replace(",", " ")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


@contextlib.contextmanager
def interruptible(done: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C into a word about what was ``done`` and status 130."""
    try:
        yield
    except KeyboardInterrupt:
        output.note(f"\nInterrupted: {done()}")
        raise click.exceptions.Exit(INTERRUPTED) from None
