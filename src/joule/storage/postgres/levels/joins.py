"""Sessions of Joule 1.0 that were joined: it leaves holes in the groups there, found afterwards.

Where a session ended, Joule 1.0 let go of what was in no group, and its next session began new
groups. That is right between intervals. But when the boundary is removed later, to join intervals
with a small gap, rows in the middle of one are in no group. A seam tells readers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.storage.postgres.connection.times import EPOCH_US
from joule.storage.postgres.levels import covering
from joule.storage.postgres.tables import level_table, seams

if TYPE_CHECKING:
    import asyncpg

    from joule.storage.interfaces import StreamRef
    from joule.storage.stretch import Indices

    Times = np.ndarray[Any, np.dtype[np.int64]]

TIMES_MAX: Final = 1 << 18
"""Levels with more groups are not looked at; a join mostly shows at several levels."""


async def mark_joins(connection: asyncpg.Connection, stream: StreamRef) -> None:
    """Set seams where intervals written by others were joined."""
    cuts = await seams.all_times(connection, stream.id)
    for (_, children), (above, parents) in pairwise(await _levels(connection, stream)):
        known_cuts = np.array(sorted(cuts), dtype=np.int64)
        for parent in uncut(parents, holes(children, parents), known_cuts).tolist():
            cuts.append(await covering.first_row(connection, stream, above, parent))
            await seams.put(connection, stream.id, cuts[-1])


async def _levels(connection: asyncpg.Connection, stream: StreamRef) -> list[tuple[int, Times]]:
    """Give the levels that are looked at with all their times, the lowest first."""
    found: list[tuple[int, Times]] = []
    for level in reversed(await level_table.stored(connection, stream)):
        times = await _times(connection, stream, level)
        if len(times) > TIMES_MAX:
            break
        found.insert(0, (level, times))
    return found


async def _times(connection: asyncpg.Connection, stream: StreamRef, level: int) -> Times:
    """Give the times of a level, no more than are needed to see that they are too many."""
    table = level_table.qualified(stream.id, level)
    packed = await connection.fetchval(
        f"""
        SELECT string_agg(timestamp_send(time), ''::bytea ORDER BY time)
        FROM (SELECT time FROM {table} ORDER BY time LIMIT {TIMES_MAX + 1}) part
        """
    )
    return np.frombuffer(packed or b"", dtype=">i8").astype(np.int64) + EPOCH_US


def holes(children: Times, parents: Times) -> Indices:
    """Give the indices of the parents with children before them that are in no parent.

    The first parent is not among them, nor is one whose own children are not all there.
    """
    if len(children) < 4 or not len(parents):
        return np.empty(0, dtype=np.intp)
    whole, part = np.divmod(np.lib.stride_tricks.sliding_window_view(children, 4), 4)
    means = whole.sum(axis=1) + part.sum(axis=1) // 4
    at = np.minimum(np.searchsorted(means, parents), len(means) - 1)
    known = np.flatnonzero(means[at] == parents)
    found: Indices = known[1:][np.diff(at[known]) > 4]
    return found


def uncut(parents: Times, followers: Indices, cuts: Times) -> Times:
    """Give the times of those parents that have no cut between them and the parent before."""
    before, behind = parents[followers - 1], parents[followers]
    cuts_before, cuts_behind = (np.searchsorted(cuts, t, side="right") for t in (before, behind))
    found: Times = behind[cuts_before == cuts_behind]
    return found
