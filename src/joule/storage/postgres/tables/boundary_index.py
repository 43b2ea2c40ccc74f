"""The index on the boundaries of a stream: our own, Joule 1.0 has none and keeps ours up to date.

Each page of a read looks boundaries up. Without it all of them would be gone through every time.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from joule.errors import StorageError
from joule.storage.postgres.connection.connecting import IMPATIENTLY, LONG_S
from joule.storage.postgres.connection.errors import ServerLostError
from joule.storage.postgres.tables import sample_tables
from joule.storage.postgres.tables.copying import DATA_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from joule.storage.postgres.connection.server import Server

TABLES_PER_STEP: Final = 100
"""So many tables are locked at once, against changes, for as long as it takes."""

_log = logging.getLogger(__name__)

_WITHOUT: Final = f"""
SELECT substring(relname FROM '[0-9]+')::int FROM pg_class bare
WHERE relnamespace = '{DATA_SCHEMA}'::regnamespace AND relkind = 'r'
AND relname ~ '^stream[0-9]{{1,9}}_intervals$' AND NOT EXISTS (
    SELECT FROM pg_class WHERE relnamespace = bare.relnamespace
    AND relname = 'joule_' || bare.relname
)
"""


async def make(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> None:
    """Make the indexes of some streams, those that are missing; their tables are there."""
    for stream_id in stream_ids:
        table = sample_tables.boundaries(stream_id)
        await connection.execute(
            f"CREATE INDEX IF NOT EXISTS joule_{table} ON {sample_tables.qualified(table)} (time)",
            timeout=LONG_S,
        )


async def make_missing(server: Server) -> None:
    """Make the indexes of tables that came without; all goes on without them when that fails."""
    found = await server.read(lambda connection: connection.fetch(_WITHOUT))
    stream_ids = [stream_id for (stream_id,) in found]
    try:
        for start in range(0, len(stream_ids), TABLES_PER_STEP):
            step = stream_ids[start : start + TABLES_PER_STEP]
            await server.make(partial(_make_impatiently, stream_ids=step))
    except ServerLostError:
        raise
    except StorageError as error:
        _log.warning("boundaries of intervals have no index, for now: %s", error)


async def _make_impatiently(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> None:
    await connection.execute(IMPATIENTLY)
    await make(connection, stream_ids)
