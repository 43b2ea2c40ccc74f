"""Rows as they travel: packed records, and a record of zeros where an interval ends.

Whole arrays go in and come out; neither direction touches single rows in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from joule.models.layout import find_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.layout import Layout, Rows

BytesLike: TypeAlias = "bytes | bytearray | memoryview"


class RowBlock(Protocol):
    """Consecutive rows of one interval, and whether a break comes before them."""

    @property
    def rows(self) -> Rows:
        """``(n,)`` rows, timestamps strictly increasing."""
        ...

    @property
    def starts_interval(self) -> bool:
        """Whether a break lies before the first of them."""
        ...


def encode_block(block: RowBlock, layout: Layout) -> list[memoryview | bytes]:
    """Give the parts of a block's packed form, in order.

    A break becomes one record of zeros. The rows, ``(n,)`` in ``layout``, are not copied: the
    part is a view of their memory and is valid as long as they are not changed.
    """
    parts: list[memoryview | bytes] = []
    if block.starts_interval:
        parts.append(bytes(layout.row_bytes))
    if len(block.rows):
        parts.append(packed(block.rows))
    return parts


def packed(rows: Rows) -> memoryview:
    """Give the bytes of rows; a view of the same memory when they lie in one piece."""
    return np.ascontiguousarray(rows).view(np.uint8).data


class RowDecoder:
    """Turns pieces of a packed stream, cut anywhere, into rows and interval ends."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._parts: list[BytesLike] = []
        self._held_bytes = 0

    @property
    def partial_bytes(self) -> int:
        """Bytes of a row whose rest has not come yet."""
        return self._held_bytes

    def feed(self, data: BytesLike) -> Iterator[tuple[Rows, bool]]:
        """Give the rows that ``data`` completes, and whether an interval ends after them.

        Rows are ``(n,)`` read-only arrays, over the memory of ``data`` where they lie in it whole.
        There may be none of them: two interval ends in a row, or one before any row. At most one
        row is held back until its rest comes.
        """
        self._parts.append(data)
        self._held_bytes += len(data)
        whole = self._held_bytes - self._held_bytes % self._layout.row_bytes
        if not whole:
            return iter(())
        joined = data if len(self._parts) == 1 else b"".join(self._parts)
        rest = memoryview(joined)[whole:]
        self._held_bytes = len(rest)
        self._parts = [bytes(rest)] if self._held_bytes else []
        rows = self._layout.view(memoryview(joined)[:whole])
        return split_intervals(rows)


def split_intervals(rows: Rows) -> Iterator[tuple[Rows, bool]]:
    """Cut rows at the records of zeros among them; each piece comes with whether one ends it."""
    start = 0
    for token in find_tokens(rows):
        yield rows[start:token], True
        start = int(token) + 1
    if start < len(rows):
        yield rows[start:], False
