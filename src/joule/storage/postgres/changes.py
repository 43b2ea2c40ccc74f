"""All changes of rows, one after the other, each in one transaction with what is pending.

Memory follows the database: only when a transaction is known to have worked are its rows no longer
pending and is what is known of the stored ones true. After a failure that is asked anew; when
nobody could tell how a transaction ended, the last stored row says which pending rows are stored.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg

from joule.errors import JouleError, StorageError
from joule.models.intervals import ALL_TIME
from joule.storage.postgres import interval_table, row_writing, table_making, totals
from joule.storage.postgres.covering import count_rows
from joule.storage.postgres.errors import OutcomeUnknownError, is_lost, reason
from joule.storage.postgres.joins import mark_joins
from joule.storage.postgres.queries import Known
from joule.storage.postgres.row_reading import BY_INDEX
from joule.storage.postgres.row_writing import Tip
from joule.storage.postgres.stream_states import StreamStates
from joule.storage.postgres.totals import Total
from joule.storage.postgres.turns import Turns
from joule.storage.tasks import completely

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from typing import TypeAlias

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.pending import View
    from joule.storage.postgres.server import Server
    from joule.storage.postgres.stream_states import StreamState

T = TypeVar("T")

if TYPE_CHECKING:
    Work: TypeAlias = "Callable[[asyncpg.Connection, Tip], Awaitable[tuple[T, Tip]]]"


STREAMS_PER_COMMIT: Final = 100
"""So many streams are stored in one transaction: each of their tables takes a lock or two of the
some 6400 that a server has by default."""


class RowsRefusedError(StorageError):
    """The database does not take the rows of one stream; made anew for everybody who is told."""

    state: StreamState | None = None


class Changes:
    """Brings pending rows and changes of stored ones to the database."""

    def __init__(self, server: Server) -> None:
        self.states = StreamStates()
        self._server = server
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
        """Store what is pending; the rows of a stream in one transaction, with those of others."""
        await completely(self._commit())

    @asynccontextmanager
    async def editing(self, stream: StreamRef) -> AsyncIterator[StreamState]:
        """Keep others from changing the older rows of a stream; new ones may come meanwhile."""
        state = self.states.of(stream)
        async with state.editing:
            yield state

    async def edit(self, state: StreamState, work: Work[T], *, needs_tables: bool = False) -> T:
        """Store what is pending of a stream and change its rows, in one transaction.

        ``work`` is given the tip and gives the new one with its result. When it raises, nothing
        has changed. The tables are there if there are rows or ``needs_tables``.
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
            states = self.states.with_pending()
            await self._hold()
            failure: RowsRefusedError | None = None
            while states:
                await self._look(states)
                # Nothing is left of those whose rows turned out to be stored.
                states = [state for state in states if state.pending.bytes]
                try:
                    await self._store(states[:STREAMS_PER_COMMIT])
                    del states[:STREAMS_PER_COMMIT]
                except RowsRefusedError as error:
                    failure = error
                    # It must not keep back the others.
                    states = [state for state in states if state is not error.state]
            if failure is not None:
                raise failure

    async def _hold(self) -> None:
        """Forget what is known of the database if it was out of our hands."""
        await self._server.hold()
        if self._tenure != self._server.tenure:
            self._tenure = self._server.tenure
            self.states.doubt()

    async def _store(self, states: Sequence[StreamState]) -> None:
        if states:
            batch = [(state, state.pending.view()) for state in states]
            await self._write(batch, _nothing, needs_tables=False)

    async def _edit(self, state: StreamState, work: Work[T], *, needs_tables: bool) -> T:
        async with self._turns.turn():
            await self._hold()
            await self._look([state])
            state.edits += 1
            try:
                batch = [(state, state.pending.view())]
                return await self._write(batch, work, needs_tables=needs_tables)
            finally:
                state.edits += 1

    async def _drop(self, stream_ids: Sequence[int]) -> None:
        async with self._turns.turn():
            for stream_id in stream_ids:
                self.states.forget(stream_id)
            await self._server.write(lambda connection: table_making.drop(connection, stream_ids))

    async def _write(
        self, batch: Sequence[tuple[StreamState, View]], work: Work[T], *, needs_tables: bool
    ) -> T:
        """Store views in one transaction, then do ``work`` on the last of the streams."""

        async def transact(connection: asyncpg.Connection) -> tuple[T, dict[int, Tip]]:
            found: dict[int, Tip] = {}
            await connection.execute(BY_INDEX)
            for state, view in batch:
                with _naming(state, connection):
                    if (view.pieces or needs_tables) and not state.is_tidy:
                        await _tidy(connection, state)
                    found[state.stream.id] = await _store(connection, state, view)
            stream_id = batch[-1][0].stream.id
            result, found[stream_id] = await work(connection, found[stream_id])
            await totals.save(connection, {i: tip.total for i, tip in found.items()})
            return result, found

        try:
            result, found = await self._server.write(transact)
        except StorageError as error:
            for state, _ in batch:
                state.doubt(pending=isinstance(error, OutcomeUnknownError))
            raise
        for state, view in batch:
            state.tip = found[state.stream.id]
            state.refusal = ""
            state.is_tidy = state.is_tidy or bool(view.pieces) or needs_tables
            self.states.drop_until(state, view.last)
        return result

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
            counted = Total(rows, total.first, total.last)
            await totals.save(connection, {stream.id: counted})
            return counted

        return await self._server.write(work)


@contextmanager
def _naming(state: StreamState, connection: asyncpg.Connection) -> Iterator[None]:
    """Say whose rows could not be stored, when it is not for all streams alike."""
    try:
        yield
    except (asyncpg.PostgresError, JouleError) as error:
        is_common = is_lost(error) or isinstance(error, asyncpg.DiskFullError)
        if is_common or connection.is_closed():
            raise
        name = state.stream.name or f"number {state.stream.id}"
        refusal = RowsRefusedError(f"the rows of stream {name} cannot be stored: {reason(error)}")
        refusal.state, state.refusal = state, str(refusal)
        raise refusal from error


async def _nothing(_connection: asyncpg.Connection, tip: Tip) -> tuple[None, Tip]:
    return None, tip


async def _tidy(connection: asyncpg.Connection, state: StreamState) -> None:
    """See to the tables of a stream before the first rows are added."""
    assert state.tip is not None
    await table_making.make(connection, state.stream)
    # What has no rows behind it means nothing yet, and must not do so once there are some.
    await interval_table.clear(connection, state.stream.id, state.tip.total.last, None)


async def _store(connection: asyncpg.Connection, state: StreamState, view: View) -> Tip:
    """Store rows behind the last one of a stream."""
    assert state.tip is not None
    stream = replace(state.stream, decimate=False) if state.is_decimating else state.stream
    return await row_writing.append(connection, stream, state.tip, view.pieces)
