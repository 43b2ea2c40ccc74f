"""The log of one data stream: rows come in at its head, cursors follow at their own pace.

A log exists while somebody writes or follows. It puts rows into the store and, when there are
cursors, into the live buffer; it knows what the last row is and when history has changed. It does
not judge rows and does not wait for anything but the store.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from joule.errors import ConflictError
from joule.models.intervals import MAX_TIME
from joule.node.live import Entry, LiveBuffer
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.models.layout import Rows
    from joule.models.streams import DataStream
    from joule.node.live import LiveBudget
    from joule.storage.interfaces import SampleStore


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

    def finish(self, end: int) -> None:
        """Nothing comes from entry number ``end`` on."""
        ...


class Log:
    """Rows of one stream on their way in.

    ``tip`` is the timestamp of the last row (None without rows, right once loaded), ``inserts``
    the number of merges of late rows that were begun, ``history_changes`` grows when rows before
    the tip were added or removed.
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
        self.tip: int | None = None
        self.inserts = 0
        self.history_changes = 0
        self.maintenance = asyncio.Lock()
        self._accepted = 0
        self._loaded = False
        self._ref = StreamRef(stream.id, self.layout, stream.decimate)

    @property
    def is_stored(self) -> bool:
        """Whether rows go to the store, and not to cursors alone."""
        return self.stream.keep_us != 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody writes or follows."""
        return self.producer is None and not self.followers

    @property
    def is_produced(self) -> bool:
        """Whether there is a producer, and the tip that cursors start from is known."""
        return self.producer is not None and self._loaded

    @property
    def ref(self) -> StreamRef:
        """The stream as the store knows it."""
        if self._ref.decimate != self.stream.decimate:
            self._ref = StreamRef(self.stream.id, self.layout, self.stream.decimate)
        return self._ref

    async def load(self) -> None:
        """Look up the last row, once."""
        if self._loaded:
            return
        if self.is_stored:
            await self._find_tip()
        self._loaded = True

    # ------------------------------------------------------------------ producer

    def attach(self, producer: Producer) -> None:
        """Make ``producer`` the only one; ``ConflictError`` when there is another."""
        if self.producer is not None:
            raise ConflictError(f"DataStream [{self.stream.name}] is already being produced")
        self.producer = producer
        self.stream.is_destination = True

    def detach(self) -> None:
        """Let the producer go; cursors end once they have fetched what there is."""
        self.producer = None
        self.stream.is_destination = False
        self.finish()
        self._on_idle(self)

    def release(self) -> None:
        """End the producer from this side."""
        if self.producer is not None:
            self.producer.release()

    def finish(self) -> None:
        """Tell all cursors that nothing will follow."""
        for follower in self.followers:
            follower.finish(self.buffer.end)

    # ------------------------------------------------------------------ rows

    def append(self, rows: Rows, *, starts_interval: bool) -> None:
        """Accept rows behind the tip (of a stream that is not stored: any); takes ownership."""
        if self.is_stored:
            self.samples.append(self.ref, rows, starts_interval=starts_interval)
        entry = Entry(rows, starts_interval)
        self.tip = entry.last
        self._accepted += 1
        self._publish(entry)

    async def insert(self, rows: Rows, *, starts_interval: bool) -> None:
        """Merge rows that are not behind the tip; an interval of their own ends with them.

        ``DuplicateTimestampError`` when one is stored already; then nothing has changed.
        """
        self.inserts += 1
        number = self.inserts
        try:
            await self.samples.insert(
                self.ref, rows, starts_interval=starts_interval, ends_interval=True
            )
        finally:
            # Also when cancelled: the store may have merged them all the same.
            self.note_history_change()
        self._publish(Entry(rows, starts_interval, number))

    def announce_break(self) -> None:
        """Tell cursors that an interval has ended, before the next rows do."""
        if self.followers:
            self._publish(Entry(self.layout.empty(), starts_interval=True))

    def note_history_change(self) -> None:
        """Send cursors that are not live to the store for everything up to the tip."""
        self.history_changes += 1
        if self.tip is not None:
            self.buffer.raise_floor(self.tip)

    async def note_removal(self) -> None:
        """Note that rows were removed, maybe the last ones."""
        self.note_history_change()
        if self._loaded and self.is_stored:
            await self._find_tip()

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
