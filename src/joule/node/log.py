"""The log of one data stream: rows come in at its head, cursors follow at their own pace.

A log exists while somebody writes or follows. It puts rows into the store and, when there are
cursors, into the live buffer; it knows what the last row is and when history has changed. It does
not judge rows and does not wait for anything but the store.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from joule.errors import ConflictError
from joule.models.intervals import MAX_TIME, Interval
from joule.node.live import Entry, LiveBuffer
from joule.node.refs import ref_of
from joule.storage.tasks import completely

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.models.layout import Rows
    from joule.models.streams import DataStream
    from joule.node.live import LiveBudget
    from joule.storage.interfaces import SampleStore, StreamRef


class Producer(Protocol):
    """What a log knows of a writer."""

    def release(self) -> None:
        """Let go of the stream."""
        ...


class Follower(Protocol):
    """What a log knows of a cursor."""

    @property
    def needs(self) -> int | None:
        """Number of the entry it fetches next, None for all that there are."""
        ...

    def wake(self) -> None:
        """There is something new."""
        ...

    def note_change(self, changed: Interval) -> None:
        """Rows in a range of the past were added or removed."""
        ...

    def finish(self, end: int) -> None:
        """Nothing comes from entry number ``end`` on."""
        ...


class Log:
    """Rows of one stream on their way in.

    ``tip`` is the timestamp of the last row (None without rows, right once loaded), ``inserts``
    the number of merges of late rows that were begun.
    """

    def __init__(
        self,
        stream: DataStream,
        samples: SampleStore,
        budget: LiveBudget,
        on_idle: Callable[[Log], None],
    ) -> None:
        self._on_idle = on_idle
        self.stream = stream
        self.layout = stream.rows_layout
        self.samples = samples
        self.buffer = LiveBuffer(budget)
        self.followers: set[Follower] = set()
        self.producer: Producer | None = None
        self._guests: set[Producer] = set()
        self.tip: int | None = None
        self.inserts = 0
        self.maintenance = asyncio.Lock()
        self._removals = 0
        self._accepted = 0
        self._tip_is_going = False
        self._is_tip_known = False
        self._ref = ref_of(stream)

    @property
    def is_stored(self) -> bool:
        """Whether rows go to the store, and not to cursors alone."""
        return self.stream.keep_us != 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody writes, follows or removes rows."""
        writers = self.producer is not None or self._guests
        return not writers and not self.followers and not self._removals

    @property
    def is_produced(self) -> bool:
        """Whether there is a producer, and the tip that cursors start from is known."""
        return self.producer is not None and self._is_tip_known

    @property
    def ref(self) -> StreamRef:
        """The stream as the store knows it."""
        if self._ref.decimate != self.stream.decimate:
            self._ref = ref_of(self.stream)
        return self._ref

    async def load(self) -> None:
        """Look up the last row, unless it is known; from then on a producer's stream shows it."""
        if not self._is_tip_known:
            async with self.maintenance:  # rows that are being removed are not the last ones
                if self.is_stored:
                    await self._find_tip()
                self._is_tip_known = True
        self.stream.is_destination = self.producer is not None

    # ------------------------------------------------------------------ producer

    def attach(self, producer: Producer) -> None:
        """Make ``producer`` the only one; ``ConflictError`` when there is another."""
        if self.producer is not None:
            raise ConflictError(f"DataStream [{self.stream.name}] is already being produced")
        self.producer = producer
        # Between two producers the stream may have been told to keep rows, or none.
        self._is_tip_known = False

    def detach(self) -> None:
        """Let the producer go; cursors end once they have fetched what there is."""
        self.producer = None
        self.stream.is_destination = False
        self.finish()
        self._on_idle(self)

    def admit(self, guest: Producer) -> None:
        """Let somebody insert rows of the past beside the producer."""
        self._guests.add(guest)

    def dismiss(self, guest: Producer) -> None:
        """Let a guest go."""
        self._guests.discard(guest)
        self._on_idle(self)

    def release(self) -> None:
        """End the producer and its guests from this side."""
        for writer in (*self._guests, self.producer):
            if writer is not None:
                writer.release()

    def finish(self) -> None:
        """Tell all cursors that nothing will follow."""
        for follower in self.followers:
            follower.finish(self.buffer.end)

    # ------------------------------------------------------------------ rows

    def append(self, rows: Rows, *, starts_interval: bool) -> None:
        """Accept rows behind the tip (of a stream that is not stored: any); takes ownership."""
        starts_interval = starts_interval or self._tip_is_going
        self._tip_is_going = False
        if self.is_stored:
            self.samples.append(self.ref, rows, starts_interval=starts_interval)
        self.tip = int(rows["timestamp"][-1])
        self._accepted += 1
        if self.followers:
            self._publish(Entry(rows, starts_interval))
        else:
            self.buffer.pass_over(self.tip)

    async def insert(self, rows: Rows, *, starts_interval: bool) -> None:
        """Merge rows that are not behind the tip; an interval of their own ends with them.

        ``DuplicateTimestampError`` when one is stored already; then nothing has changed.
        """
        self.inserts += 1
        await completely(self._insert(Entry(rows, starts_interval, self.inserts)))

    async def _insert(self, entry: Entry) -> None:
        await self.samples.insert(
            self.ref, entry.rows, starts_interval=entry.starts_interval, ends_interval=True
        )
        self._note_change(Interval(int(entry.rows["timestamp"][0]), entry.last + 1))
        self._publish(entry)

    def announce_break(self) -> None:
        """Tell cursors that an interval has ended, before the next rows do."""
        if self.followers:
            self._publish(Entry(self.layout.empty(), starts_interval=True))

    async def remove(self, interval: Interval) -> int:
        """Remove the rows of ``[start, end)`` and give their number."""
        self._removals += 1
        try:
            async with self.maintenance:
                return await completely(self._remove(interval))
        finally:
            self._removals -= 1

    async def _remove(self, interval: Interval) -> int:
        # A row that is appended meanwhile must not be joined to what was before the removed ones.
        self._tip_is_going = self.tip is not None and self.tip in interval
        try:
            return await self.samples.delete(self.ref, interval)
        finally:
            self._tip_is_going = False
            await self.note_removal(interval)

    async def note_removal(self, interval: Interval) -> None:
        """Note that rows of a range were removed, maybe the last ones."""
        self._note_change(interval)
        if self._is_tip_known and self.is_stored:
            await self._find_tip()

    def _note_change(self, changed: Interval) -> None:
        """Send cursors that are not live to the store for everything up to the tip."""
        for follower in self.followers:
            follower.note_change(changed)
        if self.tip is not None:
            self.buffer.raise_floor(self.tip)

    async def _find_tip(self) -> None:
        """Ask the store for the last row, again if rows came meanwhile."""
        while True:
            accepted = self._accepted
            tip = await self.samples.last_before(self.ref, MAX_TIME)
            if accepted == self._accepted:
                break
        self.tip = tip
        if tip is not None:
            self.buffer.raise_floor(tip)

    # ------------------------------------------------------------------ followers

    def follow(self, follower: Follower) -> None:
        """Feed a cursor from now on."""
        self.followers.add(follower)
        if self.producer is None:
            follower.finish(self.buffer.end)

    def unfollow(self, follower: Follower) -> None:
        """Stop feeding a cursor."""
        self.followers.discard(follower)
        self.trim()
        self._on_idle(self)

    def trim(self) -> None:
        """Let go of entries that every cursor has fetched."""
        needs = [follower.needs for follower in self.followers]
        if None not in needs:
            fetched = min((n for n in needs if n is not None), default=self.buffer.end)
            self.buffer.drop_before(fetched)

    def _publish(self, entry: Entry) -> None:
        self.buffer.push(entry)
        if not self.followers:
            self.trim()
        for follower in self.followers:
            follower.wake()
