"""What a server answers to statements sent as one message: pure functions on its bytes.

A COPY has a message for each row. Those of one length are seen as an array, so no row is touched
by Python code.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from joule.storage.postgres.connection.copy_format import (
    HEADER,
    TRAILER,
    decode,
    record_of,
    rows_of,
)
from joule.storage.postgres.connection.times import EPOCH_US

if TYPE_CHECKING:
    from joule.models.layout import Layout, Rows
    from joule.storage.postgres.connection.copy_format import Records

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]
    Integers = np.ndarray[Any, np.dtype[np.int64]]

_HEAD: Final = struct.Struct("!cI")
_HEAD_SIZE: Final = _HEAD.size
_COUNT: Final = struct.Struct("!h")
_LENGTH: Final = struct.Struct("!i")
_FEW: Final = 8
_READY: Final = b"Z\0\0\0\x05"

_ASYNCHRONOUS: Final = b"NSA"
"""Notices, settings that changed, notifications: they come at any time."""


class Run(NamedTuple):
    """Messages of a COPY behind one another, each with ``length`` bytes of data."""

    start: int
    length: int
    messages: int

    @property
    def size(self) -> int:
        """Bytes of data in all of them."""
        return self.length * self.messages


class Copied(NamedTuple):
    """The data of one COPY within an answer."""

    data: Bytes
    runs: list[Run]

    @property
    def has_rows(self) -> bool:
        """Whether there are any."""
        return sum(run.size for run in self.runs) > len(HEADER) + len(TRAILER)

    def rows(self, layout: Layout, table: str) -> Rows:
        """Give the rows in memory of their own; ``StorageDamagedError`` when they are others."""
        records = self._in_place(record_of(layout.dtype))
        if records is None:
            return decode(self._joined(), layout, table)
        return rows_of(records, layout, table)

    def times(self, numbers: int = 0) -> Integers:
        """Give rows of so many ``bigint`` and a ``timestamp``, ``(n, numbers + 1)`` or ``(n,)``."""
        record = _record_of_integers(numbers + 1)
        records = self._in_place(record)
        if records is None:
            records = np.frombuffer(self._joined()[len(HEADER) : -len(TRAILER)], record)
        found = records["columns"]["value"].astype(np.int64)
        found[:, -1] += EPOCH_US
        return found if numbers else found[:, 0]

    def records(self) -> list[list[memoryview]]:
        """Give the bytes of each field of each row, for few rows whose fields are not NULL."""
        data = memoryview(self._joined())
        found, position = [], len(HEADER)
        while (fields := _COUNT.unpack_from(data, position)[0]) >= 0:
            record = []
            position += _COUNT.size
            for _ in range(fields):
                start = position + _LENGTH.size
                position = start + _LENGTH.unpack_from(data, position)[0]
                record.append(data[start:position])
            found.append(record)
        return found

    def _in_place(self, record: np.dtype[np.void]) -> Records | None:
        """See the rows where they lie: each has a message, the first one behind the header.

        So all servers have it that we know. The protocol does not promise it: None otherwise.
        """
        if len(self.runs) != 3:
            return None
        first, others, trailer = self.runs
        size, start = record.itemsize, first.start + len(HEADER)
        expected = [
            Run(first.start, len(HEADER) + size, 1),
            Run(start + size + _HEAD_SIZE, size, others.messages),
            Run(trailer.start, len(TRAILER), 1),
        ]
        if self.runs != expected:
            return None
        return np.ndarray((1 + others.messages,), record, self.data, start, (size + _HEAD_SIZE,))

    def _joined(self) -> bytes:
        return b"".join(
            self.data[at : at + length].tobytes()
            for start, length, messages in self.runs
            for at in range(start, start + messages * (length + _HEAD_SIZE), length + _HEAD_SIZE)
        )


class Answer(NamedTuple):
    """What came: the data of each COPY, the fields of the first error, what is for others.

    ``is_whole`` says that the server is ready for what comes next.
    """

    copies: list[Copied]
    error: dict[str, str]
    asynchronous: list[bytes]
    is_whole: bool


def _record_of_integers(count: int) -> np.dtype[np.void]:
    column = np.dtype([("length", ">i4"), ("value", ">i8")])
    return np.dtype([("fields", ">i2"), ("columns", column, (count,))])


def may_be_whole(data: Bytes) -> bool:
    """Tell whether an answer may end here; what looks like it can be data."""
    return data[-len(_READY) - 1 : -1].tobytes() == _READY


def parse(data: Bytes) -> Answer:
    """Find the messages in what has come so far."""
    copies: list[Copied] = []
    error: dict[str, str] = {}
    asynchronous: list[bytes] = []
    position, is_whole = 0, False
    while position + _HEAD_SIZE <= len(data):
        kind, length = _HEAD.unpack_from(data.data, position)
        size, count = 1 + length, 1
        if position + size > len(data):
            break
        if kind == b"H":
            copies.append(Copied(data, []))
        elif kind == b"d":
            count = _alike(data[position:], size)
            copies[-1].runs.append(Run(position + _HEAD_SIZE, size - _HEAD_SIZE, count))
        elif kind == b"E":
            error = error or _fields(data[position + _HEAD_SIZE : position + size].tobytes())
        elif kind in _ASYNCHRONOUS:
            asynchronous.append(data[position : position + size].tobytes())
        position += size * count
        is_whole = kind == b"Z"
    return Answer(copies, error, asynchronous, is_whole and position == len(data))


def _alike(data: Bytes, size: int) -> int:
    """Give how many messages of one size lie at the beginning, all of the kind of the first."""
    whole, count, step = len(data) // size, 1, _FEW
    heads = data[: whole * size].reshape(whole, size)[:, :_HEAD_SIZE]
    while count < whole:
        others = (heads[count : count + step] != heads[0]).any(axis=1)
        if others.any():
            return count + int(np.argmax(others))
        count, step = min(count + step, whole), 8 * step
    return count


def _fields(data: bytes) -> dict[str, str]:
    """Give what an error says, by the letters of the protocol."""
    texts = (field.decode(errors="replace") for field in data.split(b"\0") if field)
    return {text[0]: text[1:] for text in texts}
