"""The end of a zip file, where it says how many entries it has.

The standard library reads the list of all entries before anybody can count them. Who asks here
first need not have millions of them in memory to refuse a file.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTRIES_MAX: Final = 1_000_000
LISTED_BYTES_MAX: Final = 128 * ENTRIES_MAX
"""Exporters take less for each entry in the list; one takes 46 at least, whatever is claimed."""

_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_LONG_END: Final = struct.Struct("<4sQ2H2L4Q")
_COMMENT_BYTES_MAX: Final = 0xFFFF
_SIGNATURE: Final = b"PK\5\6"
_ELSEWHERE: Final = 0xFFFFFFFF
"""A size that is in the record of a large file, or wrong."""


def has_too_many_entries(file: Path) -> bool:
    """Whether a file claims to be a zip file of more entries than an archive has.

    What cannot be read is left to those who open it.
    """
    try:
        with file.open("rb") as opened:
            claims = list(_claims(opened))
    except OSError:
        return False
    return any(count > ENTRIES_MAX or size > LISTED_BYTES_MAX for count, size in claims)


def _claims(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Give number of entries and bytes of their list, of each record that may be the true one."""
    length = file.seek(0, os.SEEK_END)
    start = max(0, length - _END.size - _COMMENT_BYTES_MAX)
    tail = _read(file, start, length - start)
    at = len(tail) - _END.size  # where it is without a comment
    if not (tail[at:].startswith(_SIGNATURE) and tail.endswith(b"\0\0")):
        at = tail.rfind(_SIGNATURE)
    if 0 <= at <= len(tail) - _END.size:
        _, _, _, _, count, size, _, _ = _END.unpack_from(tail, at)
        yield count, 0 if size == _ELSEWHERE else size
        yield from _long_claims(file, start + at)


def _long_claims(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Give what the records of a large file say, which lie before its end record."""
    place = end - _LOCATOR.size
    if place < 0:
        return
    signature, _, offset, _ = _LOCATOR.unpack(_read(file, place, _LOCATOR.size))
    if signature != b"PK\6\7":
        return
    for start in (place - _LONG_END.size, offset):  # the second is where it says it is
        text = _read(file, start, _LONG_END.size) if 0 <= start < place else b""
        if len(text) == _LONG_END.size and text.startswith(b"PK\6\6"):
            *_, count, size, _ = _LONG_END.unpack(text)
            yield count, size


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
