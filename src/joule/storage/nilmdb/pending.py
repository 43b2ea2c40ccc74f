"""Rows that were accepted and are not at the server yet, by stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from joule.storage.stretch import FIRST_ROW, NO_BREAKS, Stretch, join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef


@dataclass(slots=True)
class Waiting:
    """The rows of one stream, in the pieces they came in."""

    stream: StreamRef
    pieces: list[Stretch] = field(default_factory=list)

    @property
    def rows(self) -> Stretch:
        """All of them, at least one; never changed afterwards."""
        if len(self.pieces) > 1:
            self.pieces = [join(self.pieces)]
        return self.pieces[0]


class Pending:
    """The waiting rows of all streams."""

    def __init__(self) -> None:
        self.bytes = 0
        self._waiting: dict[int, Waiting] = {}

    def append(self, stream: StreamRef, rows: Rows, *, starts_interval: bool) -> None:
        """Put rows behind those of the stream that wait."""
        rows = rows[:]
        rows.flags.writeable = False  # readers get views of these rows
        waiting = self._waiting.setdefault(stream.id, Waiting(stream))
        waiting.stream = stream
        waiting.pieces.append(Stretch(rows, FIRST_ROW if starts_interval else NO_BREAKS))
        self.bytes += rows.nbytes

    def streams(self) -> list[StreamRef]:
        """Give the streams that have rows waiting."""
        return [waiting.stream for waiting in self._waiting.values()]

    def view(self, stream_id: int) -> Stretch | None:
        """Give the waiting rows of a stream as they are now, None without."""
        waiting = self._waiting.get(stream_id)
        return None if waiting is None else waiting.rows

    def settle(self, stream_id: int, count: int) -> None:
        """Forget the first rows of a stream: they are at the server."""
        waiting = self._waiting[stream_id]
        rows = waiting.rows
        self.bytes -= rows.rows[:count].nbytes
        waiting.pieces = [rows.part(count, len(rows))]
        if count == len(rows):
            del self._waiting[stream_id]

    def drop(self, stream_ids: Iterable[int]) -> None:
        """Forget all rows of these streams."""
        for stream_id in stream_ids:
            waiting = self._waiting.pop(stream_id, None)
            if waiting is not None:
                self.bytes -= waiting.rows.rows.nbytes
