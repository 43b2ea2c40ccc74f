"""Events in the binary format of COPY: all fixed fields at once, around contents of any length."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from joule.errors import InvalidRequestError
from joule.models.intervals import MAX_TIME
from joule.storage.interfaces import EventInfo
from joule.storage.postgres.connection.copy_format import HEADER, TRAILER
from joule.storage.postgres.connection.times import EPOCH_US, FIRST_US
from joule.storage.postgres.events.event_content import stored_content

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.models.events import Event

    Times = np.ndarray[Any, np.dtype[np.int64]]

COLUMNS: Final = ("id", "start_time", "end_time", "content")
PIECE_EVENTS: Final = 2000
"""So many are sent at once."""

INFINITY: Final = MAX_TIME
"""The end of an event without end, as it lies in the bytes."""

_JSONB_VERSION: Final = 1
_HEAD: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("id_length", ">i4"),
        ("id", ">i4"),
        ("start_length", ">i4"),
        ("start", ">i8"),
        ("end_length", ">i4"),
        ("end", ">i8"),
        ("content_length", ">i4"),
        ("version", "u1"),
    ]
)


class PackedEvents(NamedTuple):
    """Events ready to be stored: their fixed fields, and their contents."""

    heads: np.ndarray[Any, np.dtype[np.void]]
    contents: list[bytes]

    def numbered(self, ids: Sequence[int]) -> PackedEvents:
        """Give them with ids; of those with one id the last."""
        last = {id_: at for at, id_ in enumerate(ids)}
        places = list(last.values())
        heads = self.heads[places]
        heads["id"] = list(last)
        return PackedEvents(heads, [self.contents[at] for at in places])

    def start(self, at: int) -> int:
        """Give the start time of one of them."""
        return int(self.heads["start"][at]) + EPOCH_US

    def figures(self) -> EventInfo:
        """Count them."""
        starts, ends = self.heads["start"], self.heads["end"]
        ended = ends[ends < INFINITY]
        end = int(ended.max()) + EPOCH_US if len(ended) else None
        return EventInfo(len(starts), int(starts.min()) + EPOCH_US, end)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the bytes of a COPY of them."""
        yield HEADER
        for first in range(0, len(self.contents), PIECE_EVENTS):
            part = slice(first, first + PIECE_EVENTS)
            fixed, size = self.heads[part].tobytes(), _HEAD.itemsize
            heads = (fixed[at : at + size] for at in range(0, len(fixed), size))
            yield b"".join(chain.from_iterable(zip(heads, self.contents[part], strict=True)))
        yield TRAILER


def pack(events: Sequence[Event]) -> PackedEvents:
    """Make events ready to be stored, all but their ids.

    Raises ``InvalidRequestError`` for one that is earlier than PostgreSQL's first day.
    """
    contents = [stored_content(event.content) for event in events]
    starts = np.array([event.start_time for event in events], np.int64)
    ends = [event.end_time for event in events]
    known_ends = np.array([MAX_TIME if end is None else end for end in ends], np.int64)
    _check(starts, known_ends)
    heads = np.zeros(len(events), _HEAD)
    heads["fields"] = len(COLUMNS)
    heads["id_length"] = 4
    heads["start_length"] = heads["end_length"] = 8
    heads["start"] = starts - EPOCH_US
    heads["end"] = known_ends - EPOCH_US
    heads["end"][[at for at, end in enumerate(ends) if end is None]] = INFINITY
    heads["content_length"] = np.array(list(map(len, contents)), np.int64) + 1
    heads["version"] = _JSONB_VERSION
    return PackedEvents(heads, contents)


def _check(starts: Times, ends: Times) -> None:
    early = np.flatnonzero(np.minimum(starts, ends) < FIRST_US)
    if len(early):
        at = int(early[0])
        raise InvalidRequestError(
            f"event from {starts[at]} to {ends[at]}: PostgreSQL stores nothing before 4713 BC"
        )
