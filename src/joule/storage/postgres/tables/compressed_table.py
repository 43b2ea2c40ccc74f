"""Compressed copies of rows: ``joule.compressed``, and how changes by others are noticed.

A copy holds all rows of its range, at least one, and ends with the last of them: what is added
behind the last row of a stream is in no such range. It is valid as long as its version is that of
its stream, which a trigger raises with every statement that changes rows; the node, which sees to
the copies itself, says in its sessions that it need not. What no trigger tells is seen in the
catalog of the database: a table that was made anew, restored from a dump, renamed or rewritten,
whose trigger was off for a while, or whose rows change through another table. Then no copy of it
is valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.errors import StorageFormatError
from joule.storage.postgres.connection.connecting import IS_OWN_SESSION
from joule.storage.postgres.connection.copy_format import time_literal
from joule.storage.postgres.connection.times import FIRST_US
from joule.storage.postgres.tables import sample_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from joule.models.intervals import Interval

TRIGGER: Final = "joule_compressed"

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS joule.compressing (
    stream_id int PRIMARY KEY, version bigint NOT NULL, rewritten bigint NOT NULL,
    witness text NOT NULL
);
CREATE TABLE IF NOT EXISTS joule.compressed (
    stream_id int NOT NULL REFERENCES joule.compressing ON DELETE CASCADE,
    start_time timestamp NOT NULL, end_time timestamp NOT NULL,
    version bigint NOT NULL, rows int NOT NULL, data bytea NOT NULL,
    PRIMARY KEY (stream_id, end_time)
);
DO $$ BEGIN
    IF (SELECT attstorage <> 'e' FROM pg_attribute
        WHERE attrelid = 'joule.compressed'::regclass AND attname = 'data') THEN
        ALTER TABLE joule.compressed ALTER data SET STORAGE EXTERNAL;
    END IF;
END $$;
DO $$ BEGIN
    IF to_regprocedure('joule.note_change()') IS NULL THEN
        CREATE FUNCTION joule.note_change() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
        BEGIN
            UPDATE joule.compressing SET version = version + 1,
                rewritten = CASE TG_OP WHEN 'INSERT' THEN rewritten ELSE version + 1 END
            WHERE stream_id = TG_ARGV[0]::int;
            IF NOT FOUND AND current_setting('transaction_isolation') <> 'read committed' THEN
                INSERT INTO joule.compressing VALUES (TG_ARGV[0]::int, 0, 0, '')
                ON CONFLICT DO NOTHING;
                DELETE FROM joule.compressing WHERE stream_id = TG_ARGV[0]::int;
            END IF;
            RETURN NULL;
        END $body$;
    END IF;
END $$;
DELETE FROM joule.compressing WHERE to_regclass('data.stream' || stream_id) IS NULL;
"""
"""``version`` counts the statements of others; ``rewritten`` is the version of the last one that
did anything but add rows. ``witness`` is what the catalog said of the table when the trigger was
made.

A transaction of one snapshot that began before there were copies does not see the row, and cannot
tell of its changes: to insert the same row ends it with a serialization failure.
What is removed is of streams that others have removed.
"""

STALE_PER_STEP: Final = 20
"""So many copies are looked at again in one transaction."""

_LEFT: Final = """
SELECT t.stream_id, t.rows - coalesce(c.rows, 0), s.datatype::text, e.width, s.decimate
FROM joule.total t
LEFT JOIN joule.compressing v ON v.stream_id = t.stream_id AND v.witness = {witness}
LEFT JOIN (
    SELECT stream_id, version, sum(rows) AS rows FROM joule.compressed GROUP BY 1, 2
) c ON c.stream_id = v.stream_id AND c.version = v.version
LEFT JOIN metadata.stream s ON s.id = t.stream_id
LEFT JOIN (
    SELECT stream_id, count(*)::int AS width FROM metadata.element GROUP BY 1
) e ON e.stream_id = t.stream_id
WHERE t.rows - coalesce(c.rows, 0) > 0 AND to_regclass('data.stream' || t.stream_id) IS NOT NULL
"""
_DISCARD: Final = """
DELETE FROM joule.compressed c USING joule.compressing v
WHERE c.stream_id = $1 AND v.stream_id = $1 AND c.version < v.rewritten
"""
_REVIEW: Final = """
WITH stale AS (
    SELECT c.end_time, v.version, c.version >= v.rewritten AND c.rows = (
        SELECT count(*) FROM {table} WHERE time >= c.start_time AND time < c.end_time
    ) AS holds
    FROM joule.compressed c JOIN joule.compressing v USING (stream_id)
    WHERE stream_id = $1 AND c.version <> v.version ORDER BY c.end_time LIMIT {limit}
), kept AS (
    UPDATE joule.compressed c SET version = stale.version FROM stale
    WHERE c.stream_id = $1 AND c.end_time = stale.end_time AND holds
), gone AS (
    DELETE FROM joule.compressed c USING stale
    WHERE c.stream_id = $1 AND c.end_time = stale.end_time AND NOT holds
)
SELECT count(*) FROM stale
"""
_HOLES: Final = """
SELECT end_time, following FROM (
    SELECT end_time, lead(start_time) OVER (ORDER BY end_time) AS following
    FROM joule.compressed WHERE stream_id = $1
) c WHERE following IS NULL OR following > end_time ORDER BY end_time
"""
_START: Final = """
SELECT start_time FROM joule.compressed WHERE stream_id = $1 ORDER BY end_time LIMIT 1
"""
_ADD: Final = """
INSERT INTO joule.compressed
SELECT $1::int, $2::timestamp, $3::timestamp, $4::bigint, $5::int, $6::bytea
FROM joule.compressing WHERE stream_id = $1 ON CONFLICT DO NOTHING
"""
_WATCH: Final = """
INSERT INTO joule.compressing SELECT $1, 0, 0, witness FROM (SELECT {witness}) found (witness)
WHERE witness IS NOT NULL RETURNING true
"""
_EXTEND: Final = """
UPDATE joule.compressed SET start_time = $2
WHERE stream_id = $1 AND start_time = $3 AND version = $4
"""


class Copy(NamedTuple):
    """The copy of the rows in a range."""

    interval: Interval
    rows: int
    data: bytes


class Left(NamedTuple):
    """A stream and how many of its rows are in no valid copy; what metadata says of it, if any."""

    stream_id: int
    rows: int
    datatype: str | None
    width: int | None
    decimate: bool | None


class Hole(NamedTuple):
    """A range without copies between two of them; ``end`` is None behind the last one."""

    start: int
    end: int | None


# ------------------------------------------------------------------ for those who read


def list_query(stream_id: int, interval: Interval) -> str:
    """Give the SQL for the ranges of all valid copies of rows in ``[start, end)``, in order."""
    return f"SELECT c.start_time, c.end_time {_valid(stream_id, interval)}"


def data_query(stream_id: int, interval: Interval) -> str:
    """Give the SQL for these copies: the bounds of the range, and the data."""
    return f"SELECT c.start_time, c.end_time, c.data {_valid(stream_id, interval)}"


def version_query(stream_id: int) -> str:
    """Give the SQL for the version of a stream whose changes are noticed, no row for another."""
    return (
        f"SELECT version FROM joule.compressing WHERE stream_id = {stream_id}"
        f" AND witness = {_witness(stream_id)}"
    )


def _valid(stream_id: int, interval: Interval) -> str:
    return (
        "FROM joule.compressed c JOIN joule.compressing v USING (stream_id)"
        f" WHERE {_overlapping(stream_id, interval)}"
        f" AND c.version = v.version AND v.witness = {_witness(stream_id)} ORDER BY c.end_time"
    )


def _overlapping(stream_id: int, interval: Interval) -> str:
    """Give the SQL condition for copies of rows in a range, such that the index is enough.

    They lie behind one another, so the last of them is the first that reaches the end.
    """
    start, end = map(time_literal, interval)
    return (
        f"stream_id = {stream_id} AND end_time > {start} AND start_time < {end}"
        " AND end_time <= coalesce((SELECT min(end_time) FROM joule.compressed"
        f" WHERE stream_id = {stream_id} AND end_time >= {end}), 'infinity')"
    )


def _witness(stream_id: int | str) -> str:
    """Give the SQL for what tells the table of a stream, and its trigger, from any other state.

    NULL when it has none that always fires, or has parents or children.
    """
    return f"""(
        SELECT concat_ws(' ', g.oid, g.xmin, r.relfilenode, r.relnatts)
        FROM pg_trigger g JOIN pg_class r ON r.oid = g.tgrelid
        WHERE r.oid = to_regclass('data.stream' || {stream_id})
        AND g.tgname = '{TRIGGER}' AND g.tgenabled = 'A' AND NOT r.relhassubclass
        AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = r.oid)
    )"""


def _table(stream_id: int) -> str:
    return sample_tables.qualified(sample_tables.base(stream_id))


# ------------------------------------------------------------------ for those who make them


async def left(connection: asyncpg.Connection) -> list[Left]:
    """Give the streams that have rows in no valid copy, as far as their totals are known."""
    found = await connection.fetch(_LEFT.format(witness=_witness("t.stream_id")))
    return [Left(*row) for row in found]


async def watch(connection: asyncpg.Connection, stream_id: int) -> None:
    """See to it that changes by others are noticed; without that, begin without any copy.

    Raises ``StorageFormatError`` when they cannot be.
    """
    if await connection.fetchval(version_query(stream_id)) is not None:
        return
    table = _table(stream_id)
    await connection.execute(f"""
        DELETE FROM joule.compressing WHERE stream_id = {stream_id};
        DROP TRIGGER IF EXISTS {TRIGGER} ON {table};
        CREATE TRIGGER {TRIGGER} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT WHEN (NOT {IS_OWN_SESSION} OR pg_trigger_depth() > 0)
        EXECUTE FUNCTION joule.note_change({stream_id});
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {TRIGGER}
    """)
    if not await connection.fetchval(_WATCH.format(witness=_witness(stream_id)), stream_id):
        raise StorageFormatError(f"{table} shares its rows with another table")


async def review(connection: asyncpg.Connection, stream_id: int) -> bool:
    """Look at some copies from before others changed the stream; whether there may be more.

    As long as they only added rows, a copy holds if there are as many in its range as it has.
    """
    await connection.execute(_DISCARD, stream_id)
    query = _REVIEW.format(table=_table(stream_id), limit=STALE_PER_STEP)
    return bool(await connection.fetchval(query, stream_id) == STALE_PER_STEP)


async def holes(connection: asyncpg.Connection, stream_id: int) -> list[Hole]:
    """Give the ranges without copies; the first one begins with the first row."""
    first = await sample_tables.first_from(connection, stream_id, FIRST_US)
    if first is None:
        return []
    start = await connection.fetchval(_START, stream_id)
    if start is None:
        return [Hole(first, None)]
    before = [Hole(first, start)] if first < start else []
    return before + [Hole(*hole) for hole in await connection.fetch(_HOLES, stream_id)]


async def add(
    connection: asyncpg.Connection, stream_id: int, version: int, copies: Sequence[Copy]
) -> None:
    """Add copies of rows that were read when the stream had this version."""
    rows = [(stream_id, *interval, version, rows, data) for interval, rows, data in copies]
    await connection.executemany(_ADD, rows)


async def extend(connection: asyncpg.Connection, stream_id: int, version: int, hole: Hole) -> None:
    """Let the copy behind a hole begin with it: there are no rows; ``version`` as in ``add``."""
    await connection.execute(_EXTEND, stream_id, hole.start, hole.end, version)


async def discard(connection: asyncpg.Connection, stream_id: int, interval: Interval) -> None:
    """Remove the copies of rows in ``[start, end)``, which are about to change."""
    await connection.execute(
        f"DELETE FROM joule.compressed WHERE {_overlapping(stream_id, interval)}"
    )


async def remove_all(connection: asyncpg.Connection) -> None:
    """Remove the copies of all streams; triggers that are left have nothing to do."""
    if await connection.fetchval("SELECT EXISTS (SELECT FROM joule.compressing)"):
        await connection.execute("TRUNCATE joule.compressing, joule.compressed")


async def forget(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> None:
    """Remove all copies of streams that are gone."""
    await connection.execute("DELETE FROM joule.compressing WHERE stream_id = ANY($1)", stream_ids)
