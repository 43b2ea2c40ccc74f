from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.levels import joins
from joule.storage.postgres.tables import interval_table, seams
from joule.testing.engine_contract.checks import check_groups, check_stream, make_rows
from tests.unit.storage.postgres.level_kit import write_as_joule_1_0

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Rows
    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(3, Layout("float32", 2))
LEVELS = (1, 4, 16, 64, 256, 1024, 4096)
LENGTHS = (1005, 7, 1, 342, 64, 3, 700)


def sessions_of(lengths: tuple[int, ...]) -> list[Rows]:
    rows = make_rows(STREAM.layout, np.arange(sum(lengths)) * 10)
    return np.split(rows, np.cumsum(lengths)[:-1])


async def join(connection: Connection, session: Rows) -> None:
    """Remove the boundary behind a session, as Joule 1.0 does to join two."""
    await interval_table.remove(connection, STREAM.id, [int(session["timestamp"][-1]) + 1])


async def seam_times(connection: Connection) -> list[int]:
    cuts = await seams.cuts(connection, STREAM.id, ALL_TIME, 1000)
    return [cut.time for cut in cuts if not cut.is_break]


@pytest.mark.parametrize("length", LENGTHS)
async def test_the_groups_of_a_session_of_joule_1_0_are_read(
    engine: PostgresEngine, connection: Connection, length: int
) -> None:
    sessions = sessions_of((length,))
    await write_as_joule_1_0(connection, STREAM, sessions)
    await check_stream(engine.samples, STREAM, sessions, levels=LEVELS)


async def test_sessions_with_breaks_between_are_read(
    engine: PostgresEngine, connection: Connection
) -> None:
    sessions = sessions_of(LENGTHS)
    await write_as_joule_1_0(connection, STREAM, sessions)
    await check_stream(engine.samples, STREAM, sessions, levels=LEVELS)
    assert await seam_times(connection) == []


async def test_sessions_joined_later_are_read_as_one_interval(
    engine: PostgresEngine, connection: Connection
) -> None:
    sessions = sessions_of(LENGTHS)
    await write_as_joule_1_0(connection, STREAM, sessions)
    for session in sessions[:-1]:
        await join(connection, session)
    await check_stream(engine.samples, STREAM, [np.concatenate(sessions)], levels=LEVELS)


async def test_any_part_of_joined_sessions_is_read(
    engine: PostgresEngine, connection: Connection
) -> None:
    sessions = sessions_of((150, 150, 90))
    await write_as_joule_1_0(connection, STREAM, sessions)
    await join(connection, sessions[0])
    runs = [np.concatenate(sessions[:2]), sessions[2]]
    for start, end in [(3, 298), (140, 160), (149, 151), (150, 300), (0, 389), (301, 302)]:
        bounds = Interval(start * 10, end * 10)
        inside = [
            run[(run["timestamp"] >= start * 10) & (run["timestamp"] < end * 10)] for run in runs
        ]
        expected = [run for run in inside if len(run)]
        assert await engine.samples.count(STREAM, bounds) == end - start
        for level in LEVELS:
            await check_groups(engine.samples, STREAM, expected, level, bounds)


async def test_rows_we_append_continue_a_session_of_joule_1_0(
    engine: PostgresEngine, connection: Connection
) -> None:
    sessions = sessions_of((1005, 500))
    await write_as_joule_1_0(connection, STREAM, sessions[:1])
    await join(connection, sessions[0])
    for piece in np.split(sessions[1], [1, 2, 40, 41]):
        engine.samples.append(STREAM, piece.copy())
        await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [np.concatenate(sessions)], levels=LEVELS)
    assert await seam_times(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM data.stream3_256") == 1505 // 256


async def test_a_join_sets_one_seam_where_the_session_began(
    engine: PostgresEngine, connection: Connection
) -> None:
    sessions = sessions_of((1005, 500))
    await write_as_joule_1_0(connection, STREAM, sessions)
    await join(connection, sessions[0])
    await joins.mark_joins(connection, STREAM)
    assert await seam_times(connection) == [10050]
    await joins.mark_joins(connection, STREAM)
    assert await seam_times(connection) == [10050]


async def test_a_join_shows_at_high_levels_when_there_are_too_many_rows_to_look_at(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = sessions_of((1005, 700))
    await write_as_joule_1_0(connection, STREAM, sessions)
    await join(connection, sessions[0])
    monkeypatch.setattr(joins, "TIMES_MAX", 150)
    await check_stream(engine.samples, STREAM, [np.concatenate(sessions)], levels=LEVELS)


def test_holes_are_found_before_parents_with_children_left_over() -> None:
    children = np.arange(0, 1000, 10)
    parents = np.array([15, 55, 115, 155, 255])  # 80 and 90 are in none, nor are 180 to 230
    assert joins.holes(children, parents).tolist() == [2, 4]


def test_parents_whose_children_are_not_there_tell_nothing() -> None:
    children = np.arange(0, 200, 10)
    assert joins.holes(children, np.array([15, 57, 95])).tolist() == [2]
    assert joins.holes(children[:3], np.array([15])).tolist() == []
    assert joins.holes(children, np.array([], dtype=np.int64)).tolist() == []
