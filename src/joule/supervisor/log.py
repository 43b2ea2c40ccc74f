"""What a module prints: the last lines of it, whatever bytes they are made of."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from joule.supervisor.pipes import PipeSource

LINE_BYTES_MAX = 1 << 16
"""Longer lines are cut here, so that a module cannot fill the node's memory."""


def local_time() -> str:
    """Give the local time as log lines show it."""
    return datetime.now().isoformat(timespec="microseconds")


class ModuleLog:
    """The last ``lines_max`` lines of a module's output and of what is said about it.

    ``echo`` gets every line as well, without its time. ``count`` is the number of lines that were
    ever kept: the last one in the log has that number.
    """

    def __init__(
        self,
        lines_max: int,
        echo: Callable[[str], None] | None = None,
        clock: Callable[[], str] = local_time,
    ) -> None:
        self._ring: deque[str] = deque(maxlen=lines_max)
        self._echo = echo
        self._clock = clock
        # Lines in front of so many others fall out of the ring at once: not worth a split.
        self._splits = -1 if echo else lines_max + 1
        self._partial = b""
        self._cut = False
        self.count = 0
        self._listener: Callable[[], None] | None = None
        self._news = asyncio.Event()

    @property
    def lines(self) -> list[str]:
        """The lines, oldest first, as ``[<local ISO time>]: <line>``."""
        return list(self._ring)

    def lines_since(self, number: int) -> list[str]:
        """The lines after line ``number`` that are still there, oldest first."""
        missing = min(max(self.count - number, 0), len(self._ring))
        return list(self._ring)[len(self._ring) - missing :]

    async def tail(self) -> AsyncIterator[list[str]]:
        """Give the lines there are, then new ones as they come, without end.

        Who is too slow misses lines: those that the log does not hold any more.
        """
        seen = 0
        while True:
            news = self._news
            lines, seen = self.lines_since(seen), self.count
            if lines:
                yield lines
            else:
                await news.wait()

    def restore(self, lines: list[str]) -> None:
        """Put lines of an earlier time, complete with theirs, before those there are."""
        room = (self._ring.maxlen or 0) - len(self._ring)
        kept = lines[-room:] if room else []
        self._ring.extendleft(reversed(kept))
        self.count += len(kept)

    def tell(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever a line comes."""
        self._listener = listener

    def add(self, line: str) -> None:
        """Add one line of the supervisor's own."""
        self._append([line])

    async def follow(self, source: PipeSource) -> None:
        """Take in everything that comes out of a pipe."""
        while data := await source.read():
            self.feed(data)
        self.finish()

    def feed(self, data: bytes) -> None:
        """Take in output: any bytes, cut anywhere."""
        *whole, rest = data.rsplit(b"\n", self._splits)
        if whole:
            whole[0] = b"" if self._cut else self._partial + whole[0]
            self._append([_decode(line) for line in self._wanted(whole)])
            self._partial, self._cut = b"", False
        self._hold(rest)

    def finish(self) -> None:
        """Take an unfinished last line as a line."""
        if self._partial:
            self._append([_decode(self._partial)])
        self._partial, self._cut = b"", False

    def _wanted(self, lines: list[bytes]) -> list[bytes]:
        """Leave out what would not be seen: lines that the ring drops at once, a cut line's end."""
        if self._cut:
            lines = lines[1:]
        return lines if self._echo or self._ring.maxlen is None else lines[-self._ring.maxlen :]

    def _hold(self, rest: bytes) -> None:
        if self._cut:
            return
        self._partial += rest
        if len(self._partial) > LINE_BYTES_MAX:
            self._append([_decode(self._partial)])
            self._partial, self._cut = b"", True

    def _append(self, lines: list[str]) -> None:
        now = self._clock()
        self._ring.extend(f"[{now}]: {line}" for line in lines)
        self.count += len(lines)
        self._announce()
        if self._echo is not None:
            for line in lines:
                self._echo(line)

    def _announce(self) -> None:
        if self._listener is not None:
            self._listener()
        news, self._news = self._news, asyncio.Event()
        news.set()


def _decode(line: bytes) -> str:
    text = line[:LINE_BYTES_MAX].decode("utf-8", "backslashreplace").rstrip("\r")
    return text if len(line) <= LINE_BYTES_MAX else f"{text} [line cut at {LINE_BYTES_MAX} bytes]"
