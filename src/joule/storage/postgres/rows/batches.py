"""Pending rows dealt to transactions.

Small ones would cost more than their rows, and a large one leaves other sessions nothing to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from joule.storage.postgres.rows.pending import View
    from joule.storage.postgres.rows.stream_states import StreamState

    Share: TypeAlias = tuple[StreamState, View]
    Batch: TypeAlias = list[Share]

STREAM_BYTES: Final = 16 * 1024
"""The tables of a stream cost about as much time as so many bytes of rows."""

BATCH_BYTES_MIN: Final = 192 * 1024
BATCH_BYTES_MAX: Final = 2 << 20

STREAMS_MAX: Final = 100
"""So many streams are stored in one transaction: each of their tables takes a lock or two of the
some 6400 that a server has by default."""


def deal(shares: Iterable[Share], sessions: int, *, may_cut: bool) -> Iterator[Batch]:
    """Give what each transaction stores, one after the other, so that ``sessions`` share the work.

    With ``may_cut`` the rows of a stream may be in several ones, in their order.
    """
    shares = list(shares)
    cost = sum(STREAM_BYTES + view.bytes for _, view in shares)
    size = min(max(cost // sessions, BATCH_BYTES_MIN), BATCH_BYTES_MAX)
    batch: Batch = []
    room = size
    for state, view in shares:
        if batch and room < size // 4 and room < view.bytes:
            yield batch
            batch, room = [], size
        row_bytes = state.stream.layout.row_bytes
        for part in _parts(view, row_bytes, room, size) if may_cut else [view]:
            batch.append((state, part))
            room -= STREAM_BYTES + part.bytes
            if room <= STREAM_BYTES or len(batch) == STREAMS_MAX:
                yield batch
                batch, room = [], size
    if batch:
        yield batch


def _parts(view: View, row_bytes: int, room: int, size: int) -> Iterator[View]:
    """Cut rows: the first ones take ``room``, all others ``size``; no small rest is left."""
    rest = view
    while rest.bytes > room + size // 2:
        first, rest = rest.split(max((room - STREAM_BYTES) // row_bytes, 1))
        yield first
        room = size
    yield rest
