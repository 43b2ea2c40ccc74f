"""A node that makes compressed copies of rows all the time, and whether they are what they must be.

What they hold shows when the node is asked: it reads from them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg

from tests.crash import busy_maker
from tests.integration.configured import ConfiguredDaemon

if TYPE_CHECKING:
    from collections.abc import Sequence

_STREAMS: Final = """
SELECT stream_id FROM joule.compressing v
WHERE EXISTS (SELECT FROM joule.compressed WHERE stream_id = v.stream_id)
AND to_regclass('data.stream' || stream_id) IS NOT NULL ORDER BY 1
"""
_COPIES: Final = """
SELECT c.start_time >= coalesce(lag(c.end_time) OVER (ORDER BY c.end_time), '-infinity'),
    c.end_time = found.last + interval '1 microsecond', c.rows, found.rows
FROM joule.compressed c JOIN joule.compressing v USING (stream_id), LATERAL (
    SELECT count(*) AS rows, max(time) AS last FROM data.stream{id}
    WHERE time >= c.start_time AND time < c.end_time
) found
WHERE c.stream_id = {id} AND c.version = v.version
"""


class CopyingDaemon(ConfiguredDaemon):
    """A node with tiny copies and small pages, which looks for rows to copy all the time."""

    def command(self, *options: str) -> list[str]:
        """The command line that starts the daemon."""
        program = str(Path(busy_maker.__file__))
        return [sys.executable, "-P", program, "--config", str(self.file), *options]


def check_copies(address: str) -> int:
    """Each valid copy is of all rows of its range, as a table says; gives the rows in copies."""
    with psycopg.connect(address) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        streams = [number for (number,) in connection.execute(_STREAMS)]
        return sum(_check(connection, number) for number in streams)


def _check(connection: psycopg.Connection, stream_id: int) -> int:
    found: Sequence[tuple[bool, bool, int, int]] = connection.execute(
        _COPIES.format(id=stream_id).encode()
    ).fetchall()
    for is_behind, ends_with_row, rows, rows_there in found:
        assert is_behind, f"stream {stream_id}: two copies overlap"
        assert rows == rows_there, f"stream {stream_id}: a copy is not of all rows"
        assert ends_with_row, f"stream {stream_id}: a copy ends behind its last row"
    return sum(rows for _, _, rows, _ in found)
