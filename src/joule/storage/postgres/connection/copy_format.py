"""The binary format of COPY for tables of a time and values of one type: whole arrays, both ways.

Every column is NOT NULL and of fixed width, so a row of the format is one numpy record: the number
of fields, then length and value of each, big-endian. No row is touched by Python code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.errors import StorageDamagedError
from joule.storage.postgres.connection.times import EPOCH_US, FIRST_US

if TYPE_CHECKING:
    from joule.models.layout import Layout, Rows

    Records = np.ndarray[Any, np.dtype[np.void]]

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension."""

TRAILER: Final = b"\xff\xff"


def encode(rows: Rows) -> bytes:
    """Give rows as records of the format, without header and trailer."""
    blank = _blank(rows.dtype)
    packed = np.empty((len(rows), blank.nbytes), dtype=np.uint8)
    packed[:] = np.frombuffer(blank.tobytes(), np.uint8)  # much quicker than record by record
    records: Records = packed.reshape(-1).view(blank.dtype)
    records["time"] = rows["timestamp"]
    records["time"] -= EPOCH_US
    records["elements"]["value"] = rows["data"]
    return packed.tobytes()


def decode(data: bytes, layout: Layout, table: str) -> Rows:
    """Give the rows of a whole COPY, header and trailer included.

    Raises ``StorageDamagedError`` when it has other columns than rows of ``layout``.
    """
    record = record_of(layout.dtype)
    count, rest = divmod(len(data) - len(HEADER) - len(TRAILER), record.itemsize)
    if rest:
        raise _other_columns(table, layout)
    return rows_of(np.frombuffer(data, record, count, offset=len(HEADER)), layout, table)


def rows_of(records: Records, layout: Layout, table: str) -> Rows:
    """Give the rows of records, wherever these lie; ``StorageDamagedError`` as ``decode``."""
    blank = _blank(layout.dtype)
    widths = records[:1]["elements"]["length"] == blank["elements"]["length"]
    if not (widths.all() and (records["fields"] == blank["fields"]).all()):
        raise _other_columns(table, layout)
    rows = np.empty(len(records), dtype=layout.dtype)
    np.add(records["time"], EPOCH_US, out=rows["timestamp"])
    rows["data"] = records["elements"]["value"]
    return rows


def bytes_copied(layout: Layout) -> int:
    """Give the bytes that a row takes on its way, with the head of its message."""
    return record_of(layout.dtype).itemsize + 5


def time_literal(time: int) -> str:
    """Give a time as SQL, exact, for COPY, which takes no parameters."""
    days, rest_us = divmod(max(time, FIRST_US), 86_400_000_000)
    seconds, rest_us = divmod(rest_us, 1_000_000)  # PostgreSQL 14 reads 32 bits of a number
    distance = f"{days} days {seconds} seconds {rest_us} microseconds"
    return f"(timestamp '1970-01-01' + interval '{distance}')"


def _other_columns(table: str, layout: Layout) -> StorageDamagedError:
    return StorageDamagedError(f"the columns of table {table} are not those of {layout}")


@lru_cache(maxsize=1024)
def record_of(dtype: np.dtype[np.void]) -> np.dtype[np.void]:
    """Give one row of the format for rows of this dtype."""
    value, shape = dtype["data"].subdtype or (dtype["data"], ())
    element = np.dtype([("length", ">i4"), ("value", value.newbyteorder(">"))])
    return np.dtype(
        [("fields", ">i2"), ("length", ">i4"), ("time", ">i8"), ("elements", element, shape)]
    )


@lru_cache(maxsize=1024)
def _blank(dtype: np.dtype[np.void]) -> Records:
    """Give one record that has everything but time and values."""
    record = record_of(dtype)
    blank = np.zeros(1, dtype=record)
    value = record["elements"].base["value"]
    blank["fields"] = 1 + record["elements"].shape[0]
    blank["length"] = 8
    blank["elements"]["length"] = value.itemsize
    return blank
