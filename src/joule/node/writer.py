"""A writer: the right to produce one data stream, and the rules for what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.errors import ConflictError, JouleError, PipeError
from joule.node.checks import check_rows, owned, pieces

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from joule.models.layout import Layout, Rows
    from joule.node.group_commit import GroupCommit
    from joule.node.log import Log

PIECE_BYTES = 1024 * 1024
"""Rows are handed on in pieces of this size, so that the bound on waiting rows holds."""


class Writer:
    """One session of writing; while it lasts nobody else can produce the stream.

    Each session starts a new interval, unless its first row comes at most ``merge_gap_us`` after
    the row before it (counted from one microsecond after that row). Rows behind the last one of
    the stream are visible to readers at once and durable with the next group commit; late rows are
    merged and durable when :meth:`write` returns. Rows of the session are joined only to each
    other: where stored rows lie between, or come next, there is a break.

    With ``backfill`` it is a guest of whoever produces the stream, if somebody does: it takes rows
    before the newest one only, and disturbs nobody.
    """

    def __init__(
        self, log: Log, commits: GroupCommit, merge_gap_us: int = 0, *, backfill: bool = False
    ) -> None:
        self._log = log
        self._commits = commits
        self._merge_gap_us = merge_gap_us
        self._after: int | None = None  # later timestamps only
        self._last: int | None = None  # last row of the interval being written
        self._is_open = True
        self._is_guest = backfill and log.producer is not None
        if self._is_guest:
            log.admit(self)
        else:
            log.attach(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self.abort()

    @property
    def layout(self) -> Layout:
        """Layout of the rows it takes."""
        return self._log.layout

    @property
    def is_open(self) -> bool:
        """Whether it still has the stream."""
        return self._is_open

    async def write(self, rows: Rows) -> None:
        """Accept ``(n,)`` rows in the stream's dtype, timestamps strictly increasing.

        The caller may reuse its buffer afterwards (rows over ``bytes`` are taken as they are, all
        others copied). Waits while too much waits for a commit. Raises ``DataError`` for timestamps
        that do not increase (also against the write before) and values that are not finite,
        ``DuplicateTimestampError`` for a timestamp that is stored already, ``StorageError`` when
        the store has failed for long. A refused block is lost as a whole, except for pieces of
        1 MiB that were accepted before the store failed; the writer remains usable and begins
        anew, with a break. Cancelling leaves the pieces that were accepted.
        """
        self._check_open()
        if not len(rows):
            return
        try:
            check_rows(rows, self.layout, self._after, self._log.stream.name)
            await self._accept(owned(rows))
        except JouleError:
            self._begin_anew()
            raise

    async def end_interval(self) -> None:
        """Break between what was written and what comes; without rows before it does nothing.

        Cursors that keep up learn of it at once.
        """
        self._check_open()
        self._break_off()

    async def close(self) -> None:
        """Let go of the stream and return when all that was written is durable; idempotent.

        Raises ``StorageError`` when that cannot be done now; the rows are kept and tried again.
        """
        if self._is_open:
            self.release()
            await self._commits.flush(self._log.ref.id)

    async def abort(self) -> None:
        """Let go of the stream without waiting; the rows accepted are kept. Idempotent."""
        self.release()

    def release(self) -> None:
        """As :meth:`abort`, at once."""
        if self._is_open:
            self._is_open = False
            if self._is_guest:
                self._log.dismiss(self)
            else:
                self._log.detach()

    def _check_open(self) -> None:
        if not self._is_open:
            raise PipeError(f"the writer of stream [{self._log.stream.name}] is closed")

    def _break_off(self) -> None:
        if self._last is not None:
            self._last = None
            if not self._is_guest:
                self._log.announce_break()

    def _begin_anew(self) -> None:
        """After a refusal: what comes next is joined to nothing and may lie anywhere in time."""
        self._break_off()
        self._after = None
        self._merge_gap_us = 0

    # ------------------------------------------------------------------ accepting

    async def _accept(self, rows: Rows) -> None:
        late = self._count_late(rows)
        if self._is_guest and late < len(rows):
            raise ConflictError(
                f"DataStream [{self._log.stream.name}] is being produced, "
                "others can write rows before its newest one only"
            )
        if late:
            await self._insert(rows[:late])
        for piece in pieces(rows[late:], PIECE_BYTES):
            if self._log.is_stored:
                await self._commits.wait_for_room()
                self._check_open()
            self._append(piece)

    def _count_late(self, rows: Rows) -> int:
        tip = self._log.tip
        times = rows["timestamp"]
        if tip is None or times[0] > tip or not self._log.is_stored:
            return 0
        return int(np.searchsorted(times, tip, side="right"))

    def _append(self, rows: Rows) -> None:
        starts_interval = self._starts_interval(int(rows["timestamp"][0]), self._log.tip)
        self._log.append(rows, starts_interval=starts_interval)
        self._note_accepted(rows)
        if self._log.is_stored:
            self._commits.note_append()

    async def _insert(self, rows: Rows) -> None:
        first = int(rows["timestamp"][0])
        async with self._log.maintenance:
            self._check_open()
            before = await self._log.samples.last_before(self._log.ref, first)
            starts_interval = self._starts_interval(first, before)
            await self._log.insert(rows, starts_interval=starts_interval)
        self._note_accepted(rows)

    def _starts_interval(self, first: int, before: int | None) -> bool:
        """Say whether a break belongs between a row of ours and the row before it."""
        if self._last is not None:
            return before != self._last
        return before is None or not 0 < self._merge_gap_us >= first - before - 1

    def _note_accepted(self, rows: Rows) -> None:
        self._after = self._last = int(rows["timestamp"][-1])
        self._merge_gap_us = 0
