"""What was found damaged and could not be kept where it was: put aside, never thrown away.

A row says when and why, and of which data stream if that is known; ``data`` are the bytes as they
were found, NULL when there are none. ``joule admin check`` reports what is here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

SCHEMA: Final = """
    -- time is when it was put aside, in UNIX us.
    CREATE TABLE IF NOT EXISTS quarantine (
        id INTEGER PRIMARY KEY, time INTEGER NOT NULL, stream INTEGER, reason TEXT NOT NULL,
        data BLOB
    ) STRICT;
"""


class Loss(NamedTuple):
    """Something that is lost or damaged: of one data stream or, with None, of nobody knows."""

    reason: str
    stream: int | None = None
    data: bytes | None = None


def put_aside(connection: apsw.Connection, losses: Iterable[Loss]) -> None:
    """Keep what was lost on record."""
    now_us = time.time_ns() // 1000
    connection.executemany(
        "INSERT INTO quarantine (time, stream, reason, data) VALUES (?, ?, ?, ?)",
        [(now_us, loss.stream, loss.reason, loss.data) for loss in losses],
    )


def count(connection: apsw.Connection) -> int:
    """Give the number of losses on record."""
    return int(connection.execute("SELECT count(*) FROM quarantine").get)
