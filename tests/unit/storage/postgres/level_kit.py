"""Levels as Joule 1.0 writes them, made by brute force, and how to look at stored ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.storage.postgres.tables import interval_table, level_table, sample_tables, table_making
from joule.storage.postgres.tables.copying import copy_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg import Connection

    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef

Group = tuple[int, list[float], list[float], list[float]]


def levels_by_hand(runs: Sequence[Rows]) -> dict[int, list[Group]]:
    """Give the groups of all levels; each run begins groups of its own and drops its tail."""
    found: dict[int, list[Group]] = {4: []}
    for run in runs:
        below = [_of_row(int(row["timestamp"]), row["data"].tolist()) for row in run]
        level = 4
        while below:
            fours = [below[i : i + 4] for i in range(0, len(below) // 4 * 4, 4)]
            below = [group_of(four) for four in fours]
            found.setdefault(level, []).extend(below)
            level *= 4
    return found


def group_of(four: Sequence[Group]) -> Group:
    """Give the group of four neighbours."""
    means, minima, maxima = (np.array([child[i] for child in four]) for i in (1, 2, 3))
    narrow = (means.mean(axis=0), minima.min(axis=0), maxima.max(axis=0))
    columns = [column.astype("f4").astype("f8").tolist() for column in narrow]
    return (sum(child[0] for child in four) // 4, columns[0], columns[1], columns[2])


def _of_row(time: int, values: Sequence[float]) -> Group:
    columns = [float(value) for value in values]
    return (time, columns, columns, columns)


async def stored_rows(connection: Connection, stream: StreamRef) -> list[Group]:
    """Give the stored rows as groups of one."""
    table = level_table.qualified(stream.id, 1)
    rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY time")
    return [_of_row(time, values) for time, *values in rows]


async def stored_groups(connection: Connection, stream: StreamRef) -> dict[int, list[Group]]:
    """Give the groups of all levels that have a table."""
    width = stream.layout.width
    found = {}
    for level in (await level_table.stored(connection, stream))[1:]:
        table = level_table.qualified(stream.id, level)
        rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY time")
        found[level] = [
            (time, list(v[:width]), list(v[width : 2 * width]), list(v[2 * width :]))
            for time, *v in rows
        ]
    return found


async def write_as_joule_1_0(
    connection: Connection, stream: StreamRef, sessions: Sequence[Rows]
) -> None:
    """Fill the tables of a stream as sessions of Joule 1.0 do, one boundary behind each."""
    await table_making.make(connection, stream)
    for session in sessions:
        await copy_in(connection, sample_tables.base(stream.id), session)
        await interval_table.add(connection, stream.id, [int(session["timestamp"][-1]) + 1])
    for level, groups in levels_by_hand(sessions).items():
        await level_table.create(connection, stream, level)
        rows = np.zeros(len(groups), dtype=stream.layout.decimated.dtype)
        for row, (time, *columns) in zip(rows, groups, strict=True):
            row["timestamp"] = time
            row["data"] = np.concatenate(columns)
        await copy_in(connection, level_table.name(stream.id, level), rows)
