"""What one transaction stores of each stream: planned, written, and whose fault it is.

A transaction is for many streams. When the database refuses it, the others are not to suffer from
the one whose rows do not fit its tables.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from joule.errors import JouleError
from joule.storage.interfaces import RowsRefusedError
from joule.storage.postgres.connection.errors import is_lost, reason
from joule.storage.postgres.rows import row_writing
from joule.storage.postgres.rows.row_writing import COPY_BYTES_MAX
from joule.storage.postgres.tables import interval_table, sample_tables, table_making
from joule.storage.postgres.tables.copying import add
from joule.storage.stretch import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.rows.batches import Batch
    from joule.storage.postgres.rows.pending import View
    from joule.storage.postgres.rows.row_writing import Addition, Tip
    from joule.storage.postgres.rows.stream_states import StreamState
    from joule.storage.postgres.tables.copying import RowsOfTable


class SomeRefusedError(Exception):
    """The rows of some stream are refused, and nobody knows which."""


class Share(NamedTuple):
    """What a transaction adds to one stream."""

    state: StreamState
    addition: Addition


def plan(batch: Batch, tips: Mapping[int, Tip]) -> list[Share] | None:
    """Give what a batch adds, None when that cannot be known or needs more than adding rows.

    ``tips`` are those behind the rows of transactions that are under way.
    """
    shares = []
    for state, view in batch:
        stream, tip = _writable(state), tips.get(state.stream.id, state.tip)
        is_known = tip is not None and row_writing.is_plannable(stream, tip)
        if tip is None or not is_known or not state.is_tidy or view.bytes > COPY_BYTES_MAX:
            return None
        addition = row_writing.plan(stream, tip, join(view.pieces))
        first = int(addition.rows["timestamp"][0])
        if addition.needs_tables or row_writing.is_among_stored(tip, first):
            return None
        shares.append(Share(state, addition))
    return shares


def lock(shares: list[Share]) -> str:
    """Give the statement that takes all tables of streams whose rows are in several transactions.

    Somebody who waits for one of them as a whole, to alter it say, must not come between two
    transactions of which one waits for the other.
    """
    names = [name for share in shares for name in share.addition.table_names]
    listed = ", ".join(map(sample_tables.qualified, names))
    return f"LOCK TABLE {listed} IN ROW EXCLUSIVE MODE" if names else ""


async def write(
    connection: asyncpg.Connection, shares: list[Share], *, levels_first: bool, by_stream: bool
) -> None:
    """Add what was planned, the rows of all streams in one message.

    When that is refused, ``SomeRefusedError``: only another try ``by_stream`` tells whose they are.
    """
    left: list[RowsOfTable] = []
    for state, addition in shares:
        with naming(state, connection):
            left += await row_writing.write(connection, addition, levels_first=levels_first)
            if by_stream:
                await add(connection, left)
                left.clear()
    try:
        await add(connection, left)
    except asyncpg.PostgresError as error:
        if _is_common(error, connection):
            raise
        raise SomeRefusedError from error


async def append(connection: asyncpg.Connection, state: StreamState, view: View) -> Tip:
    """Add pending rows without a plan; the new tip."""
    assert state.tip is not None
    return await row_writing.append(connection, _writable(state), state.tip, view.pieces)


async def tidy(connection: asyncpg.Connection, state: StreamState) -> None:
    """See to the tables of a stream before the first rows are added."""
    assert state.tip is not None
    await table_making.make(connection, state.stream)
    # What has no rows behind it means nothing yet, and must not do so once there are some.
    await interval_table.clear(connection, state.stream.id, state.tip.total.last, None)


@contextmanager
def naming(state: StreamState, connection: asyncpg.Connection) -> Iterator[None]:
    """Say whose rows could not be stored, when it is not for all streams alike."""
    try:
        yield
    except (asyncpg.PostgresError, JouleError) as error:
        if _is_common(error, connection):
            raise
        name = state.stream.name or f"number {state.stream.id}"
        state.refusal = f"the rows of stream {name} cannot be stored: {reason(error)}"
        raise RowsRefusedError(state.refusal, frozenset([state.stream.id])) from error


def _writable(state: StreamState) -> StreamRef:
    return replace(state.stream, decimate=False) if state.is_decimating else state.stream


def _is_common(error: Exception, connection: asyncpg.Connection) -> bool:
    """Whether an error is for all streams alike."""
    is_full = isinstance(error, asyncpg.DiskFullError)
    return is_lost(error) or is_full or bool(connection.is_closed())
