"""What is pending, brought to the database: transactions on two sessions side by side.

The server uses one core for a session, and storing rows keeps it busy. So while it stores some
rows, another session stores the next ones, of the same stream too: what they add follows from
memory alone. Transactions of one stream are committed in the order of its rows, so whatever
happens the first of them are stored. Where a transaction has more to do than to add rows it goes
alone.

Memory follows the database: only when a transaction is known to have worked are its rows no longer
pending and is what is known of the stored ones true.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from joule.errors import StorageError
from joule.storage.postgres.connection.errors import OutcomeUnknownError
from joule.storage.postgres.rows import shares
from joule.storage.postgres.rows.batches import deal
from joule.storage.postgres.rows.row_reading import BY_INDEX
from joule.storage.postgres.tables import totals

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from typing import TypeAlias

    import asyncpg

    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.rows.pending import View
    from joule.storage.postgres.rows.row_writing import Tip
    from joule.storage.postgres.rows.shares import Share
    from joule.storage.postgres.rows.stream_states import StreamState, StreamStates

T = TypeVar("T")

if TYPE_CHECKING:
    Work: TypeAlias = "Callable[[asyncpg.Connection, Tip], Awaitable[tuple[T, Tip]]]"

SESSIONS: Final = 2


class OvertakenError(StorageError):
    """Earlier rows of the same stream could not be stored."""


class _Running(NamedTuple):
    """A transaction under way."""

    task: asyncio.Task[None]
    streams: frozenset[int]


class Storing:
    """Stores pending rows; whoever uses it sees to it that nobody else changes rows meanwhile."""

    def __init__(self, server: Server, states: StreamStates) -> None:
        self._server = server
        self._states = states

    async def store(self, states: Iterable[StreamState]) -> None:
        """Store what is pending of streams whose tips are known.

        Raises the first error there is: rows of other streams, and earlier ones, may be stored.
        """
        running: deque[_Running] = deque()
        tips: dict[int, Tip] = {}
        waiting = [(state, state.pending.view()) for state in states]
        # TimescaleDB makes chunks while rows are added, and holds them until the commit.
        batches = list(deal(waiting, SESSIONS, may_cut=not self._server.has_timescale))
        parts = Counter(state.stream.id for batch in batches for state, _ in batch)
        try:
            for batch in batches:
                if len(running) == SESSIONS:
                    await running.popleft().task
                planned = shares.plan(batch, tips)
                if planned is None:
                    await _all_of(running)
                    tips.clear()
                    await self.store_with(batch, _nothing)
                else:
                    tips.update((s.state.stream.id, s.addition.tip) for s in planned)
                    cut = [share for share in planned if parts[share.state.stream.id] > 1]
                    running.append(await self._begin(planned, list(running), shares.lock(cut)))
            await _all_of(running)
        finally:
            await asyncio.gather(*(each.task for each in running), return_exceptions=True)

    async def store_with(
        self,
        batch: Sequence[tuple[StreamState, View]],
        work: Work[T],
        *,
        needs_tables: bool = False,
    ) -> T:
        """Store views in one transaction, then do ``work`` on the last of the streams."""

        async def transact(connection: asyncpg.Connection) -> tuple[T, dict[int, Tip]]:
            found: dict[int, Tip] = {}
            for state, view in batch:
                with shares.naming(state, connection):
                    if (view.pieces or needs_tables) and not state.is_tidy:
                        await shares.tidy(connection, state)
                    found[state.stream.id] = await shares.append(connection, state, view)
            stream_id = batch[-1][0].stream.id
            result, found[stream_id] = await work(connection, found[stream_id])
            return result, found

        with _doubting(state for state, _ in batch):
            result, found = await self._server.write(
                transact, opening=BY_INDEX, closing=lambda done: _totals(done[1])
            )
        for state, view in batch:
            state.is_tidy = state.is_tidy or bool(view.pieces) or needs_tables
            self._note(state, found[state.stream.id], view.last)
        return result

    async def _begin(self, planned: list[Share], running: list[_Running], opening: str) -> _Running:
        """Start a transaction; on return ``opening`` is done, or it has failed."""
        streams = frozenset(share.state.stream.id for share in planned)
        before = [each.task for each in running if each.streams & streams]
        has_begun = asyncio.Event()
        task = asyncio.create_task(self._add(planned, before, opening, has_begun))
        task.add_done_callback(lambda _: has_begun.set())
        await has_begun.wait()
        return _Running(task, streams)

    async def _add(
        self,
        planned: list[Share],
        before: list[asyncio.Task[None]],
        opening: str,
        has_begun: asyncio.Event,
    ) -> None:
        """Store in one transaction what was planned, to be committed after those ``before``."""
        tips = {share.state.stream.id: share.addition.tip for share in planned}

        async def transact(connection: asyncpg.Connection, *, by_stream: bool) -> None:
            has_begun.set()
            # Those before have begun with the rows: each has a table for itself for long.
            await shares.write(connection, planned, levels_first=bool(before), by_stream=by_stream)
            await _succeeded(before)

        def write(*, by_stream: bool) -> Awaitable[None]:
            work = partial(transact, by_stream=by_stream)
            return self._server.write(work, opening=opening, closing=lambda _: _totals(tips))

        with _doubting(share.state for share in planned):
            try:
                await write(by_stream=False)
            except shares.SomeRefusedError:
                await write(by_stream=True)
        for state, addition in planned:
            self._note(state, addition.tip, addition.tip.total.last)

    def _note(self, state: StreamState, tip: Tip, last: int | None) -> None:
        """Take note of what is stored."""
        state.tip = tip
        state.refusal = ""
        self._states.drop_until(state, last)


async def _succeeded(tasks: list[asyncio.Task[None]]) -> None:
    """Return when other transactions are committed; ``OvertakenError`` when one is not."""
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if task.cancelled() or task.exception() is not None:
            raise OvertakenError("earlier rows of the stream could not be stored")


async def _all_of(running: deque[_Running]) -> None:
    while running:
        await running.popleft().task


@contextmanager
def _doubting(states: Iterable[StreamState]) -> Iterator[None]:
    """Believe nothing of what is known of streams after a failure."""
    try:
        yield
    except StorageError as error:
        for state in states:
            state.doubt(pending=isinstance(error, OutcomeUnknownError))
        raise


def _totals(tips: Mapping[int, Tip]) -> str:
    return totals.saving({stream_id: tip.total for stream_id, tip in tips.items()})


async def _nothing(_connection: asyncpg.Connection, tip: Tip) -> tuple[None, Tip]:
    return None, tip
