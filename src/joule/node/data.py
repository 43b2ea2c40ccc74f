"""Everything about the rows of a node's data streams."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from joule.errors import InvalidRequestError
from joule.models.intervals import ALL_TIME, MIN_TIME, Interval
from joule.models.streams import DataStreamInfo
from joule.node.cursor import Cursor
from joule.node.live import LiveBudget
from joule.node.log import Log
from joule.node.reading import Reading, check_choice, check_range, open_reading
from joule.node.refs import ref_of
from joule.node.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joule.models.streams import DataStream
    from joule.node.group_commit import GroupCommit
    from joule.storage.interfaces import SampleInfo, SampleStore


class StreamData:
    """Rows in, rows out, and care for what is stored.

    ``stream`` is always the catalog's object, which shows by ``is_destination`` that it is being
    produced. Ranges are ``[start, end)`` in UNIX us; one without length is refused with
    ``InvalidRequestError``.
    """

    def __init__(self, samples: SampleStore, commits: GroupCommit) -> None:
        self._samples = samples
        self._commits = commits
        self._budget = LiveBudget()
        self._logs: dict[int, Log] = {}

    # ------------------------------------------------------------------ reading

    async def read(
        self,
        stream: DataStream,
        interval: Interval = ALL_TIME,
        *,
        max_rows: int | None = None,
        level: int | None = None,
    ) -> Reading:
        """Begin to read rows of a range; every row accepted before is seen.

        With ``max_rows`` the level is the smallest at which the rows in the range become at most
        that many (plus one for each interval); ``level`` (a power of 4, 1 is raw) overrides it.
        Raises ``NoDataError`` when raw rows are asked for, the stream has rows and none are in the
        range. Without any rows the answer has no blocks.
        """
        check_range(interval)
        check_choice(max_rows, level)
        return await open_reading(self._samples, ref_of(stream), interval, max_rows, level)

    def subscribe(
        self, stream: DataStream, start: int | None = None, *, is_lasting: bool = False
    ) -> Cursor:
        """Follow a stream live, from ``start`` on when it is given.

        A reader that resumes passes the timestamp of the last row it has and drops that row; so it
        learns of a break behind it. Without ``start`` somebody must be producing the stream, else
        ``InvalidRequestError``. The cursor ends with the producer unless ``is_lasting``. The caller
        closes it.
        """
        log = self._log(stream)
        if start is None and not log.is_produced:
            self._forget_idle(log)
            raise InvalidRequestError("stream is not being produced")
        return Cursor(log, start, is_lasting=is_lasting)

    # ------------------------------------------------------------------ writing

    async def open_writer(
        self,
        stream: DataStream,
        *,
        merge_gap_us: int = 0,
        can_retry: bool = False,
        backfill: bool = False,
    ) -> Writer:
        """Begin to produce a stream; the caller closes or aborts the writer.

        ``ConflictError`` when it is already being produced, unless only rows before the newest one
        are to be written, which ``backfill`` says. A caller that has its rows for good
        says so with ``can_retry``: while the store fails it gets the ``StorageError``, and what
        memory there is remains for those who cannot come again.
        """
        if can_retry:
            self._commits.check()
        if merge_gap_us < 0:
            raise InvalidRequestError("merge-gap must be >= 0")
        log = self._log(stream)
        writer = Writer(log, self._commits, merge_gap_us, backfill=backfill)
        try:
            await log.load()
        except BaseException:
            writer.release()
            raise
        return writer

    def close(self) -> None:
        """End all writers and cursors; what was written is kept."""
        for log in list(self._logs.values()):
            log.release()

    async def drop(self, stream_ids: Sequence[int]) -> None:
        """End the writers and cursors of streams that are no more, and remove their rows."""
        logs = [self._logs[stream_id] for stream_id in stream_ids if stream_id in self._logs]
        async with AsyncExitStack() as quiet:
            for log in logs:
                log.release()
                await quiet.enter_async_context(log.maintenance)  # late rows on their way in
            await self._samples.drop(stream_ids)

    # ------------------------------------------------------------------ what is stored

    async def info(self, stream: DataStream) -> DataStreamInfo:
        """Tell what is stored of a stream."""
        return _public(await self._samples.info(ref_of(stream)))

    async def infos(self, streams: Iterable[DataStream]) -> dict[int, DataStreamInfo]:
        """Tell what is stored of each stream, by id."""
        refs = [ref_of(stream) for stream in streams]
        found = await self._samples.infos(refs)
        return {ref.id: _public(info) for ref, info in zip(refs, found, strict=True)}

    async def intervals(self, stream: DataStream, interval: Interval = ALL_TIME) -> list[Interval]:
        """List the unbroken runs of rows in the range, from first row to last row + 1."""
        check_range(interval)
        return await self._samples.intervals(ref_of(stream), interval)

    async def delete(self, stream: DataStream, interval: Interval = ALL_TIME) -> int:
        """Remove the rows of a range and give their number; a break stays between others."""
        check_range(interval)
        log = self._log(stream)
        try:
            return await log.remove(interval)
        finally:
            self._forget_idle(log)

    async def consolidate(self, stream: DataStream, interval: Interval, max_gap_us: int) -> int:
        """Remove the breaks in the range whose gap is at most ``max_gap_us``; their number."""
        check_range(interval)
        if max_gap_us < 1:
            raise InvalidRequestError("max_gap must be postive integer")  # sic, documented
        return await self._samples.consolidate(ref_of(stream), interval, max_gap_us)

    async def decimate(self, stream: DataStream) -> None:
        """Compute the stored decimations of a stream anew."""
        await self._samples.decimate(ref_of(stream))

    async def drop_decimations(self, stream: DataStream) -> None:
        """Remove the stored decimations of a stream; views are computed when read."""
        await self._samples.drop_decimations(ref_of(stream))

    async def retain(self, stream: DataStream, before: int) -> int:
        """Let go of rows earlier than ``before`` and give their number."""
        count = await self._samples.retain(ref_of(stream), before)
        log = self._logs.get(stream.id)
        if count and log is not None:
            await log.note_removal(Interval(MIN_TIME, before))
        return count

    # ------------------------------------------------------------------ logs

    def _log(self, stream: DataStream) -> Log:
        log = self._logs.get(stream.id)
        if log is None:
            log = Log(stream, self._samples, self._budget, self._forget_idle)
            self._logs[stream.id] = log
        return log

    def _forget_idle(self, log: Log) -> None:
        if log.is_idle:
            self._logs.pop(log.stream.id, None)


def _public(info: SampleInfo) -> DataStreamInfo:
    if info.start is None or info.end is None:
        return DataStreamInfo(bytes=info.bytes)
    return DataStreamInfo(info.start, info.end, info.rows, info.bytes, info.end - info.start)
