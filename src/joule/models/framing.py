"""Rows as a stream of bytes: packed records, and a record of zeros where an interval ends.

The one framing of OS pipes and of the wire. Whole arrays go in and come out; neither direction
touches single rows in Python, and at most one incomplete row is held back.
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


def encode_block(block: RowBlock, layout: Layout) -> list[memoryview]:
    """Give the parts of a block's packed form, in order.

    A break becomes one record of zeros. The rows, ``(n,)`` in ``layout``, are not copied: the
    part is a view of their memory and is valid as long as they are not changed.
    """
    parts: list[memoryview] = []
    if block.starts_interval:
        parts.append(memoryview(bytes(layout.row_bytes)))
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
        self._held = b""

    @property
    def partial_bytes(self) -> int:
        """Bytes of a row whose rest has not come yet."""
        return len(self._held)

    def feed(self, data: BytesLike) -> Iterator[tuple[Rows, bool]]:
        """Give the rows that ``data`` completes, and whether an interval ends after them.

        Rows are ``(n,)`` read-only arrays, over the memory of ``data`` where that begins with a
        whole row. There may be none of them: two interval ends in a row, or one before any row.
        """
        joined = self._held + data if self._held else data
        whole = len(joined) - len(joined) % self._layout.row_bytes
        view = memoryview(joined).toreadonly()
        self._held = bytes(view[whole:])
        return split_intervals(self._layout.view(view[:whole]))


def split_intervals(rows: Rows) -> Iterator[tuple[Rows, bool]]:
    """Cut rows at the records of zeros among them; each piece comes with whether one ends it."""
    start = 0
    for token in find_tokens(rows):
        yield rows[start:token], True
        start = int(token) + 1
    if start < len(rows):
        yield rows[start:], False
