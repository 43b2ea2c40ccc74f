"""How far a run over stored data has come: as far as the slowest of its inputs was read."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from joule.models.pipes import InputPipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Buffer

    from joule.models.intervals import Interval
    from joule.models.pipes import ByteReader, Pipe


class Bar(Protocol):
    """What is needed of a progress bar."""

    pos: int

    def update(self, n_steps: int) -> None:
        """Move on."""
        ...


@contextmanager
def shown(inputs: Mapping[str, Pipe], span: Interval) -> Iterator[None]:
    """Show a bar for a run over ``span`` on standard error, if somebody sees it there."""
    if not sys.stderr.isatty():
        yield
        return
    import click

    with click.progressbar(length=span.end - span.start, file=sys.stderr) as bar:
        watch(inputs, span, bar)
        yield


def watch(inputs: Mapping[str, Pipe], span: Interval, bar: Bar) -> None:
    """Let the bar, which is as long as ``span``, move on while the inputs are read."""
    latest = dict.fromkeys(inputs, span.start)

    def note(name: str, time_us: int) -> None:
        latest[name] = min(time_us, span.end)
        bar.update(min(latest.values()) - span.start - bar.pos)

    for name, pipe in inputs.items():
        if isinstance(pipe, InputPipe) and pipe.reader is not None:
            row_bytes = pipe.rows_layout.row_bytes
            pipe.reader = WatchedReader(pipe.reader, row_bytes, partial(note, name))


class WatchedReader:
    """A byte stream of packed rows that tells the time of the last row of each (large) read."""

    def __init__(self, reader: ByteReader, row_bytes: int, note: Callable[[int], None]) -> None:
        self._reader = reader
        self._row_bytes = row_bytes
        self._note = note
        self._passed = 0

    async def read(self, n: int, /) -> Buffer:
        """Read from the stream."""
        data = await self._reader.read(n)
        self._look(memoryview(data).cast("B"))
        return data

    def close(self) -> None:
        """Close the stream, where it can be closed."""
        close = getattr(self._reader, "close", None)
        if close is not None:
            close()

    def _look(self, data: memoryview) -> None:
        before = self._passed
        self._passed += len(data)
        last = (self._passed // self._row_bytes - 1) * self._row_bytes - before
        for first in (last, last - self._row_bytes):  # the last may be a break, which has no time
            time_us = int.from_bytes(data[first : first + 8], "little", signed=True)
            if first >= 0 and time_us:
                self._note(time_us)
                break
