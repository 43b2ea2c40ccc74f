"""The three functions that Joule 1.0 keeps in ``public``, for those who use them in SQL.

They answer for tables that have not been made yet, too. ``stream_row_count`` is an estimate: the
rows of the highest level with at least 25 of them in the range, times its factor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.postgres.tables.timescale import TOTAL_BYTES

if TYPE_CHECKING:
    from asyncpg import Connection

NAMES: Final = (
    "public.stream_info(int)",
    "public.stream_info_fast(int)",
    "public.stream_row_count(int, timestamp, timestamp)",
)

_BYTES: Final = "pg_total_relation_size({table})"

_ROW_COUNT: Final = """
CREATE OR REPLACE FUNCTION public.stream_row_count(
    stream_id int, start_ts timestamp, end_ts timestamp
) RETURNS bigint LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
    level bigint := 4;
    name text;
    found bigint;
BEGIN
    name := format('data.stream%s', stream_id);
    IF to_regclass(name) IS NULL THEN
        RETURN 0;
    END IF;
    WHILE to_regclass(format('%s_%s', name, level)) IS NOT NULL LOOP
        level := level * 4;
    END LOOP;
    LOOP
        level := level / 4;
        IF level > 1 THEN
            EXECUTE format('SELECT count(*) FROM %s_%s WHERE time >= $1 AND time < $2', name, level)
            INTO found USING start_ts, end_ts;
            IF found >= 25 THEN
                RETURN found * level;
            END IF;
        ELSE
            EXECUTE format('SELECT count(*) FROM %s WHERE time >= $1 AND time < $2', name)
            INTO found USING start_ts, end_ts;
            RETURN found;
        END IF;
    END LOOP;
END $$
"""
_INFO: Final = """
CREATE OR REPLACE FUNCTION public.stream_info(
    stream_id int, OUT size bigint, OUT rows bigint, OUT min_ts timestamp, OUT max_ts timestamp
) LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
    name text := format('stream%s', stream_id);
BEGIN
    SELECT coalesce(sum({bytes}), 0) INTO size FROM pg_class
    WHERE relnamespace = 'data'::regnamespace AND relkind = 'r'
    AND relname ~ format('^%s(_[0-9]+|_intervals)?$', name);
    rows := 0;
    IF to_regclass('data.' || name) IS NOT NULL THEN
        EXECUTE format('SELECT min(time), max(time) FROM data.%s', name) INTO min_ts, max_ts;
        rows := coalesce(public.stream_row_count(
            stream_id, min_ts, max_ts + INTERVAL '1 microsecond'), 0);
    END IF;
END $$
"""
_INFO_FAST: Final = """
CREATE OR REPLACE FUNCTION public.stream_info_fast(
    stream_id int, OUT rows bigint, OUT min_ts timestamp, OUT max_ts timestamp
) LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    rows := 0;
    IF to_regclass(format('data.stream%s', stream_id)) IS NOT NULL THEN
        EXECUTE format('SELECT count(*), min(time), max(time) FROM data.stream%s', stream_id)
        INTO rows, min_ts, max_ts;
    END IF;
END $$
"""


async def make(connection: Connection, *, has_timescale: bool) -> None:
    """Make the functions anew, in the transaction of the connection."""
    size = (TOTAL_BYTES if has_timescale else _BYTES).format(table="oid::regclass")
    for statement in (_ROW_COUNT, _INFO.format(bytes=size), _INFO_FAST):
        await connection.execute(statement)
