"""Times of PostgreSQL as integers.

``timestamp`` and ``timestamptz`` are 64-bit microseconds since 2000 on the wire; here they are
UNIX microseconds, without dates in between, which end in the year 9999. PostgreSQL begins in
4713 BC, later than 64 bits do; what is earlier cannot be stored, but can be asked for.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from joule.errors import DataError
from joule.models.intervals import MAX_TIME, MIN_TIME

if TYPE_CHECKING:
    import asyncpg

EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01, where PostgreSQL begins to count."""

FIRST_US: Final = -210_866_803_200_000_000
"""The first time that can be stored: 24 November 4714 BC."""

_INT64: Final = struct.Struct("!q")


def encode_time(time: int) -> bytes:
    """Give the bytes of a time; the extremes of 64 bits are ``-infinity`` and ``infinity``."""
    if time in (MIN_TIME, MAX_TIME):
        return _INT64.pack(time)
    check_time(time)
    return _INT64.pack(time - EPOCH_US)


def decode_time(data: bytes) -> int:
    """Give the time of some bytes."""
    time: int = _INT64.unpack(data)[0]
    # What is later than 64 bits of UNIX microseconds can only have been written by others.
    return time if time == MIN_TIME else min(time + EPOCH_US, MAX_TIME)


def check_time(time: int) -> None:
    """Raise ``DataError`` unless the time can be stored."""
    if not FIRST_US <= time <= MAX_TIME:
        raise DataError(f"timestamp {time} is earlier than what PostgreSQL can store (4713 BC)")


def bound(time: int) -> int:
    """Give the bound of a range such that it can be asked for."""
    return MIN_TIME if time < FIRST_US else time


async def use_integer_times(connection: asyncpg.Connection) -> None:
    """Have times go in and come out of a connection as UNIX microseconds."""
    for name in ("timestamp", "timestamptz"):
        codec: dict[str, Any] = {"encoder": encode_time, "decoder": decode_time}
        await connection.set_type_codec(name, schema="pg_catalog", format="binary", **codec)
