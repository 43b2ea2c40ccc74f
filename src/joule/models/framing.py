"""Rows as a stream of bytes: packed records, and a record of zeros where an interval ends.

The one framing of OS pipes and of the wire. Whole arrays go in and come out; neither direction
touches single rows in Python, and at most one incomplete row is held back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from joule.models.layout import find_tokens, packed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.layout import BytesLike, Layout, Rows


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
        parts.append(packed(block.rows).data)
    return parts


class RowDecoder:
    """Turns pieces of a packed stream, cut anywhere, into rows and interval ends."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._held = bytearray()

    @property
    def partial_bytes(self) -> int:
        """Bytes of a row whose rest has not come yet."""
        return len(self._held)

    def feed(self, data: BytesLike) -> Iterator[tuple[Rows, bool]]:
        """Give the rows that ``data`` completes, and whether an interval ends after them.

        Rows are ``(n,)`` read-only arrays, over the memory of ``data`` where that begins with a
        whole row. There may be none of them: two interval ends in a row, or one before any row.
        """
        size = self._layout.row_bytes
        if self._held and len(self._held) + len(data) < size:
            self._held += data  # a wide row in tiny pieces is not copied at each of them
            return iter(())
        # As bytes, which nobody can change: who keeps the rows need not copy them again.
        joined = b"".join((self._held, data)) if self._held else data
        view = memoryview(joined).toreadonly()
        whole = len(view) - len(view) % size
        self._held = bytearray(view[whole:])
        return split_intervals(self._layout.view(view[:whole]))


def split_intervals(rows: Rows) -> Iterator[tuple[Rows, bool]]:
    """Cut rows at the records of zeros among them; each piece comes with whether one ends it."""
    start = 0
    for token in find_tokens(rows):
        yield rows[start:token], True
        start = int(token) + 1
    if start < len(rows):
        yield rows[start:], False
