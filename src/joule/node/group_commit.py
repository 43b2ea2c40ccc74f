"""Group commit: rows of all streams become durable together.

What was appended waits at most ``interval_s``, then one commit covers all of it. Before that the
store makes room whenever half of ``PENDING_BYTES_MAX`` has come together. Whoever needs durability
now forces a commit; all who ask while one is running share the next. Rows that a store refuses
hold up nobody else: the others are stored with every commit as before.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from joule.errors import StorageError
from joule.storage.interfaces import RowsRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from joule.node.clock import Clock, Timer
    from joule.storage.interfaces import SampleStore

logger = logging.getLogger(__name__)

PENDING_BYTES_MAX = 4 * 1024 * 1024
"""Bytes that may wait for a commit; writers wait beyond it."""

FAILING_BYTES_MAX = 64 * 1024 * 1024
"""Bytes that may wait while the store fails; writers get the error beyond it."""

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 10.0


class GroupCommit:
    """When to commit. :meth:`run` keeps the promise in time, the rest works without it too."""

    def __init__(self, samples: SampleStore, clock: Clock, interval_s: float) -> None:
        self._samples = samples
        self._clock = clock
        self._interval_s = interval_s
        self._timer: Timer | None = None
        self._due = asyncio.Event()
        self._is_overdue = False
        self._turn = asyncio.Lock()
        self._begun = 0
        self._ended = 0
        self._failure: StorageError | None = None
        self._refusal: RowsRefusedError | None = None
        self._refused_bytes = 0
        self._retry: Timer | None = None

    @property
    def fault(self) -> str | None:
        """What keeps rows from being stored now, None when nothing does."""
        fault = self._failure or self._refusal
        return None if fault is None else str(fault)

    def check(self) -> None:
        """Raise the ``StorageError`` that keeps all rows from being stored now, if there is one."""
        if self._failure is not None:
            _raise_again(self._failure)

    async def run(self) -> None:
        """Commit whenever it is due, until cancelled; try a failing commit again and again."""
        try:
            while True:
                await self._due.wait()
                await self._commit_at_last()
        finally:
            self._disarm()

    def note_append(self) -> None:
        """Take note that rows were appended."""
        if self._timer is None:
            self._timer = self._clock.call_later(self._interval_s, self._note_time)
        if self._waiting_bytes >= PENDING_BYTES_MAX // 2:
            self._due.set()

    async def flush(self, stream_id: int | None = None) -> None:
        """Return when everything appended before is durable; raise the ``StorageError`` if not.

        With ``stream_id`` only the rows of that stream matter.
        """
        if not self._samples.pending_bytes:
            self._note_success()  # what could not be stored is gone, with its stream say
            return
        try:
            await self._share_commit()
        except RowsRefusedError as error:
            if stream_id is None or stream_id in error.streams:
                raise

    async def _share_commit(self) -> None:
        target = self._begun + 1
        async with self._turn:
            fault = self._failure or self._refusal
            if self._ended < target:
                await self._commit()
            elif fault is not None:
                _raise_again(fault)

    async def wait_for_room(self) -> None:
        """Return when more rows may be appended.

        While the store fails, rows are taken without waiting up to ``FAILING_BYTES_MAX``; beyond
        that its error is raised.
        """
        while self._waiting_bytes >= PENDING_BYTES_MAX:
            if self._failure is not None:
                self._check_memory()
                return
            with suppress(StorageError):  # noted and logged, and run() tries again
                await self._make_room(PENDING_BYTES_MAX)

    async def _make_room(self, limit: int) -> None:
        """Have less than ``limit`` bytes wait."""
        async with self._turn:
            if self._waiting_bytes >= limit and self._failure is None:
                await self._attempt(self._samples.make_room)

    @property
    def _waiting_bytes(self) -> int:
        """Bytes that wait for a commit, without those that the last one refused."""
        return self._samples.pending_bytes - self._refused_bytes

    def _check_memory(self) -> None:
        if self._failure is not None and self._samples.pending_bytes >= FAILING_BYTES_MAX:
            _raise_again(self._failure)

    async def _commit_at_last(self) -> None:
        delay_s = RETRY_FIRST_S
        while True:
            self._due.clear()
            try:
                if self._is_overdue:
                    return await self.flush()
                return await self._make_room(PENDING_BYTES_MAX // 2)
            except RowsRefusedError:
                return None
            except StorageError:  # noted and logged
                await self._clock.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_MAX_S)

    async def _commit(self) -> None:
        """Commit; the caller has the turn."""
        self._begun += 1
        self._disarm()
        try:
            await self._attempt(self._samples.commit)
        except asyncio.CancelledError:
            self._note_overdue()  # whoever asked is gone, the rows are not
            raise

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except RowsRefusedError as error:
            self._note_refusal(error)
            raise
        except StorageError as error:
            self._note_failure(error)
            raise
        self._note_success()

    def _note_failure(self, error: StorageError) -> None:
        self._ended = self._begun
        if self._failure is None:
            logger.error("cannot store data, will go on trying: %s", error)
        self._failure = error
        self._note_overdue()

    def _note_refusal(self, error: RowsRefusedError) -> None:
        if self.fault != str(error):
            logger.error("cannot store some of the data, will go on trying: %s", error)
        self._ended = self._begun
        self._failure, self._refusal = None, error
        self._refused_bytes = self._samples.pending_bytes
        if self._retry is None:
            self._retry = self._clock.call_later(RETRY_MAX_S, self._note_retry)

    def _note_success(self) -> None:
        self._ended = self._begun
        if self.fault is not None:
            logger.warning("data can be stored again")
        self._failure = self._refusal = None
        self._refused_bytes = 0

    def _note_time(self) -> None:
        self._timer = None
        self._note_overdue()

    def _note_overdue(self) -> None:
        self._is_overdue = True
        self._due.set()

    def _note_retry(self) -> None:
        self._retry = None
        self._note_overdue()

    def _disarm(self) -> None:
        self._is_overdue = False
        for timer in (self._timer, self._retry):
            if timer is not None:
                timer.cancel()
        self._timer = self._retry = None


def _raise_again(error: StorageError) -> NoReturn:
    """Raise a fresh one for each who is told: an exception collects the tracebacks of all."""
    raise type(error)(*error.args) from error
