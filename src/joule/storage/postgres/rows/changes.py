"""All changes of rows, one after the other: older ones in one transaction with what is pending.

After a failure what is known of stored rows is asked anew; when nobody could tell how a transaction
ended, the last stored row says which pending rows are stored.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from joule.errors import StreamNotFound
from joule.models.intervals import ALL_TIME
from joule.storage.interfaces import RowsRefusedError
from joule.storage.postgres.connection.turns import Turns
from joule.storage.postgres.levels.covering import count_rows
from joule.storage.postgres.levels.joins import mark_joins
from joule.storage.postgres.rows.queries import Known
from joule.storage.postgres.rows.row_writing import Tip
from joule.storage.postgres.rows.storing import Storing
from joule.storage.postgres.rows.stream_states import StreamStates
from joule.storage.postgres.tables import table_making, totals
from joule.storage.postgres.tables.totals import Total
from joule.storage.tasks import completely

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.rows.storing import Work
    from joule.storage.postgres.rows.stream_states import StreamState

T = TypeVar("T")


class Changes:
    """Brings pending rows and changes of stored ones to the database."""

    def __init__(self, server: Server) -> None:
        self.states = StreamStates()
        self._server = server
        self._storing = Storing(server, self.states)
        self._tenure = server.tenure
        self._turns = Turns()

    async def known(self, streams: Sequence[StreamRef]) -> list[Known]:
        """Give what is known of streams, all as of the moment of return."""
        states = [self.states.of(stream) for stream in streams]
        while any(state.tip is None for state in states):
            await completely(self._look_in_turn(states))
        return [
            Known(state.stream, state.tip.total, state.pending.view())
            for state in states
            if state.tip is not None
        ]

    async def count_beforehand(self, streams: Sequence[StreamRef]) -> None:
        """Count the rows that others have written, while new ones are stored meanwhile.

        Nobody can change older rows until that is done; what comes behind them shows.
        """
        states = {stream.id: self.states.of(stream) for stream in streams}
        unknown = [stream_id for stream_id, state in states.items() if state.tip is None]
        if not unknown:
            return
        found = await self._load(unknown)
        for state in (states[stream_id] for stream_id in unknown if found[stream_id].rows is None):
            async with state.editing:
                stream_id = state.stream.id
                total = (await self._load([stream_id]))[stream_id]
                if total.rows is None:
                    await self._count(state.stream, total)

    async def commit(self) -> None:
        """Store what is pending."""
        await completely(self._commit())

    @asynccontextmanager
    async def editing(self, stream: StreamRef) -> AsyncIterator[StreamState]:
        """Keep others from changing the older rows of a stream; new ones may come meanwhile."""
        await self.count_beforehand([stream])
        state = self.states.of(stream)
        async with state.editing:
            yield state

    async def edit(self, state: StreamState, work: Work[T], *, needs_tables: bool = False) -> T:
        """Store what is pending of a stream and change its rows, in one transaction.

        ``work`` is given the tip and gives the new one with its result. When it raises, nothing
        has changed. The tables are there if there are rows or ``needs_tables``; this raises
        ``StreamNotFound`` for a stream that was removed meanwhile.
        """
        return await completely(self._edit(state, work, needs_tables=needs_tables))

    async def drop(self, stream_ids: Sequence[int]) -> None:
        """Remove the tables of streams and what is pending of them, in one transaction."""
        await completely(self._drop(stream_ids))

    # ------------------------------------------------------------------ within a turn

    async def _look_in_turn(self, states: Sequence[StreamState]) -> None:
        async with self._turns.turn():
            await self._look(states)

    async def _commit(self) -> None:
        async with self._turns.turn():
            await self._hold()
            states = self.states.with_pending()
            refusals: dict[int, str] = {}
            # What was refused before goes by itself: others would have to be stored twice.
            apart = ([state] for state in states if state.refusal)
            for group in ([state for state in states if not state.refusal], *apart):
                await self._store(group, refusals)
            if refusals:
                raise RowsRefusedError("; ".join(refusals.values()), frozenset(refusals))

    async def _store(self, states: list[StreamState], refusals: dict[int, str]) -> None:
        """Store what is pending of streams, but for those whose rows the database refuses."""
        while states:
            await self._look(states)
            # Nothing is left of those whose rows turned out to be stored.
            states = [state for state in states if state.pending.bytes]
            try:
                return await self._storing.store(states)
            except RowsRefusedError as error:
                refusals.update(dict.fromkeys(error.streams, str(error)))
                states = [state for state in states if state.stream.id not in error.streams]
        return None

    async def _hold(self) -> None:
        """Forget what is known of the database if it was out of our hands."""
        await self._server.hold()
        if self._tenure != self._server.tenure:
            self._tenure = self._server.tenure
            self.states.doubt()

    async def _edit(self, state: StreamState, work: Work[T], *, needs_tables: bool) -> T:
        async with self._turns.turn():
            if state.is_gone and needs_tables:
                raise StreamNotFound(f"stream {state.stream.name} was removed")
            await self._hold()
            await self._look([state])
            batch = [(state, state.pending.view())]
            return await self._storing.store_with(batch, work, needs_tables=needs_tables)

    async def _drop(self, stream_ids: Sequence[int]) -> None:
        async with self._turns.turn():
            for stream_id in stream_ids:
                self.states.forget(stream_id)
            await self._server.write(lambda connection: table_making.drop(connection, stream_ids))

    async def _look(self, states: Sequence[StreamState]) -> None:
        """Ask for the totals that are not known, and count the rows where that has to be."""
        asked = {state.stream.id: state for state in states if state.tip is None}
        if not asked:
            return
        found = await self._load(list(asked))
        for stream_id, state in asked.items():
            total = found[stream_id]
            if total.rows is None:
                total = await self._count(state.stream, total)
            state.tip = Tip(total)
            if state.is_doubtful:
                self.states.drop_until(state, total.last)
                state.is_doubtful = False

    async def _load(self, stream_ids: Sequence[int]) -> dict[int, Total]:
        return await self._server.read(lambda connection: totals.load(connection, stream_ids))

    async def _count(self, stream: StreamRef, total: Total) -> Total:
        async def work(connection: asyncpg.Connection) -> Total:
            await mark_joins(connection, stream)
            rows = await count_rows(connection, stream, ALL_TIME)
            return Total(rows, total.first, total.last)

        return await self._server.write(
            work, closing=lambda counted: totals.saving({stream.id: counted})
        )
