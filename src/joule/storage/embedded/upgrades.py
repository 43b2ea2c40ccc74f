"""From one storage format to the next, in place: small steps that may be interrupted anywhere.

A format number is raised when the first part of its step begins, so that no older Joule opens a
file that is under way. How far the step has come is kept beside it, in the same transactions: the
next opening goes on from there. Nothing else uses the file meanwhile.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeAlias

from joule.storage.embedded import catalog_tables, format_3, span_upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import apsw

Position: TypeAlias = "list[int] | None"
"""How far a step has come; None at its beginning and at its end."""
Step: TypeAlias = "Callable[[apsw.Connection, Position], Position]"
"""Does a bounded part of the work from a position on and gives the next position."""

SCHEMA: Final = """
    CREATE TABLE upgrade (format INTEGER PRIMARY KEY, position TEXT NOT NULL);
"""
CHUNKS_PER_PART: Final = 20_000


def advance(connection: apsw.Connection, steps: Mapping[int, Step]) -> int | None:
    """Do the next part of the way to the newest format; the format it leads to, None when there.

    ``steps`` has the step to each format but the first one; one call is one transaction.
    """
    under_way = _under_way(connection) or _begun(connection, steps)
    if under_way is None:
        return None
    number, position = under_way
    position = steps[number](connection, position)
    if position is None:
        connection.execute("DROP TABLE upgrade")
    else:
        connection.execute("UPDATE upgrade SET position = ?", (json.dumps(position),))
    return number


def _under_way(connection: apsw.Connection) -> tuple[int, Position] | None:
    """Give the step that was begun and how far it has come."""
    known = "SELECT 1 FROM sqlite_schema WHERE name = 'upgrade'"
    if connection.execute(known).fetchone() is None:
        return None
    ((number, position),) = connection.execute("SELECT format, position FROM upgrade")
    return number, json.loads(position)


def _begun(connection: apsw.Connection, steps: Mapping[int, Step]) -> tuple[int, Position] | None:
    """Begin the next step, if there is one."""
    number = connection.pragma("user_version") + 1
    if number not in steps:
        return None
    connection.pragma("user_version", number)
    connection.execute(SCHEMA)
    connection.execute("INSERT INTO upgrade VALUES (?, 'null')", (number,))
    return number, None


def sum_chunks(connection: apsw.Connection, position: Position) -> Position:
    """Format 2 keeps the rows and bytes of all chunks of a stream: sum up those there are."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS chunk_total ("
        "stream INTEGER PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL)"
    )
    if position is None:
        connection.execute("DELETE FROM chunk_total")
    stream, first = position or (-(2**63), -(2**63))
    part = "FROM chunk WHERE (stream, first) > (?1, ?2) ORDER BY stream, first LIMIT ?3"
    bounds = (stream, first, CHUNKS_PER_PART)
    connection.execute(
        "INSERT INTO chunk_total SELECT stream, sum(rows), sum(data_bytes + pyramid_bytes) FROM "
        f"(SELECT stream, rows, data_bytes, pyramid_bytes {part}) WHERE true GROUP BY stream "
        "ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes",
        bounds,
    )
    last = connection.execute(f"SELECT stream, first {part} OFFSET ?3 - 1", bounds).fetchone()
    return None if last is None else list(last)


def to_format_2(connection: apsw.Connection, position: Position) -> Position:
    """Format 2 has sums: of the chunks of each stream, and of each row of the catalog."""
    position = sum_chunks(connection, position)
    if position is None:
        catalog_tables.sum_rows(connection)  # never so many that they need parts
    return position


def in_turn(*parts: Step) -> Step:
    """Make one step of several parts, done one after the other."""

    def step(connection: apsw.Connection, position: Position) -> Position:
        turn, *inner = position or [0]
        reached = parts[turn](connection, inner or None)
        if reached is not None:
            return [turn, *reached]
        return [turn + 1] if turn + 1 < len(parts) else None

    return step


to_format_3: Final = in_turn(
    format_3.add_columns,
    format_3.sum_breaks,
    format_3.sum_events,
    format_3.sum_marks,
    format_3.sum_floors,
    format_3.renew_tail,
    span_upgrade.build_spans,
)

STEPS: Final[Mapping[int, Step]] = {2: to_format_2, 3: to_format_3}
