"""What is known of each stream in memory: pending rows, and where the stored ones end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from joule.errors import StorageError
from joule.storage.postgres.rows.pending import Pending

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.rows.row_writing import Tip

REFUSED_BYTES_MAX: Final = 2 << 20
REFUSED_BESIDE_MAX: Final = 32 << 20
"""So much waits of a stream whose rows the database refuses, and so much of all streams while it
takes more of them: the memory is for those that can be stored."""


@dataclass(slots=True, eq=False)
class StreamState:
    """One stream.

    ``tip`` is None until somebody looked, and again after a failure. ``is_tidy`` says that this
    node has seen to the tables, ``is_doubtful`` that some of the pending rows may be stored,
    ``is_decimating`` that its groups are being made anew, those of new rows in their turn.
    ``refusal`` says why the database does not take the pending rows, as long as it does not;
    ``is_gone`` that the stream was removed while somebody still held this.
    Whoever changes older rows holds ``editing`` for as long as it takes.
    """

    stream: StreamRef
    pending: Pending = field(default_factory=Pending)
    tip: Tip | None = None
    is_tidy: bool = False
    is_doubtful: bool = False
    is_decimating: bool = False
    refusal: str = ""
    is_gone: bool = False
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def doubt(self, *, pending: bool) -> None:
        """Believe nothing of what is known; ``pending``: nor that pending rows are not stored."""
        self.tip = None
        self.is_tidy = False
        self.is_doubtful = self.is_doubtful or pending


class StreamStates:
    """All streams that were asked for, and the bytes of their pending rows."""

    def __init__(self) -> None:
        self._states: dict[int, StreamState] = {}
        self.pending_bytes = 0

    def of(self, stream: StreamRef) -> StreamState:
        """Give the state of a stream."""
        state = self._states.get(stream.id)
        if state is None:
            state = self._states[stream.id] = StreamState(stream)
        state.stream = stream
        return state

    def get(self, stream_id: int) -> StreamState | None:
        """Give the state of a stream that was asked for, None of another."""
        return self._states.get(stream_id)

    def doubt(self) -> None:
        """Believe nothing of what is known of stored rows."""
        for state in self._states.values():
            state.doubt(pending=False)

    def with_pending(self) -> list[StreamState]:
        """Give the streams that have pending rows."""
        return [state for state in self._states.values() if state.pending.bytes]

    def append(self, stream: StreamRef, rows: Rows, *, starts_interval: bool) -> None:
        """Add pending rows; ``StorageError`` when too many wait that the database refuses."""
        state = self.of(stream)
        is_full = (
            state.pending.bytes >= REFUSED_BYTES_MAX or self.pending_bytes >= REFUSED_BESIDE_MAX
        )
        if state.refusal and is_full:
            raise StorageError(state.refusal)
        state.pending.append(rows, starts_interval=starts_interval)
        self.pending_bytes += rows.nbytes

    def drop_until(self, state: StreamState, last: int | None) -> None:
        """Forget the pending rows up to the timestamp ``last``: they are stored."""
        if last is not None:
            before = state.pending.bytes
            state.pending.drop_until(last)
            self.pending_bytes += state.pending.bytes - before

    def forget(self, stream_id: int) -> None:
        """Forget a stream and its pending rows."""
        state = self._states.pop(stream_id, None)
        if state is not None:
            self.pending_bytes -= state.pending.bytes
            state.pending = Pending()
            state.doubt(pending=False)
            state.is_gone = True
