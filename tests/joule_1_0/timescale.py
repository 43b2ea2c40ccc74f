"""A PostgreSQL that says it has TimescaleDB, so that the daemon of Joule 1.0 runs on it.

The functions that Joule 1.0 calls are there and change nothing: its tables are plain ones.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from joule.testing.postgres import running_server
from joule.testing.postgres_binaries import copied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.testing.postgres import PostgresServer

CREATE: Final = b"CREATE EXTENSION timescaledb"
DROP: Final = b"DROP EXTENSION timescaledb"
CONTROL: Final = "default_version = '2.11.0'\nrelocatable = false\nschema = public\n"
FUNCTIONS: Final = """
CREATE FUNCTION create_hypertable(
    relation regclass, time_column_name name,
    chunk_time_interval anyelement DEFAULT NULL::bigint, if_not_exists boolean DEFAULT false
) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION set_chunk_time_interval(hypertable regclass, chunk_time_interval anyelement)
    RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION drop_chunks(relation regclass, older_than anyelement)
    RETURNS SETOF text LANGUAGE sql AS 'SELECT NULL::text WHERE false';
CREATE FUNCTION hypertable_detailed_size(hypertable regclass, OUT total_bytes bigint)
    LANGUAGE sql AS 'SELECT pg_total_relation_size(hypertable)';
"""


@contextmanager
def server_with_stand_in(wheel: Path) -> Iterator[PostgresServer]:
    """Run the server of the wheel; :data:`CREATE` works in each of its databases."""
    room = Path(tempfile.mkdtemp(prefix="joule-stand-in-"))
    try:
        room.chmod(0o755)
        binaries = copied(wheel, room)
        extensions = next(binaries.parent.rglob("plpgsql.control")).parent
        (extensions / "timescaledb.control").write_text(CONTROL)
        (extensions / "timescaledb--2.11.0.sql").write_text(FUNCTIONS)
        with running_server(binaries) as server:
            yield server
    finally:
        shutil.rmtree(room)
