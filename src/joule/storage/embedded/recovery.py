"""The tails of the last process: taken over from its records, also from damaged ones.

Whole records in an unbroken row are taken over as they are. Where anything is damaged, everything
that can still be proven is kept: each entry of a whole record. Where rows are missing before it, as
its count of earlier rows tells, an interval begins. What is kept is written anew as one record,
what is not readable is put aside, so that damage is met once and then is on record.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from joule.errors import StorageDamagedError
from joule.storage.embedded.chunk_table import ChunkTable
from joule.storage.embedded.quarantine import Loss, put_aside
from joule.storage.embedded.records import (
    Entry,
    decode_record,
    encode_record,
    outline,
    packed_bytes,
)
from joule.storage.embedded.salvage import Salvage
from joule.storage.embedded.tail_table import TAIL, TailTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    from joule.storage.embedded.tails import Tails

    Decode = Callable[[int, object], list[Entry]]

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """All records with the sizes of their rows, the floors, and what can be proven of them."""

    records: dict[int, int]
    floors: dict[int, int]
    losses: list[Loss]
    salvage: Salvage
    unreadable: set[str]

    @property
    def next_record(self) -> int:
        """A number above all that are in use."""
        numbers = [number + 1 for number in self.records]
        return max([1, *numbers, *self.floors.values()])

    @property
    def is_whole(self) -> bool:
        """Whether every record, every floor and the order of all rows is as it must be."""
        return not self.losses and not self.salvage.losses

    def restore(self, tails: Tails) -> None:
        """Fill the tails with the rows that count."""
        for kept in self.salvage.kept():
            tails.restore(*kept)
        tails.restore_log(self.records.items(), self.next_record)


def look(connection: apsw.Connection, decode: Decode = decode_record) -> Found:
    """Read all records and floors."""
    table = TailTable(connection)
    floors, damaged = table.floors()
    losses = [Loss(text) for text in damaged]
    salvage = Salvage(floors, ChunkTable(connection))
    records: dict[int, int] = {}
    for number, data in table.records():
        entries: list[Entry] = []
        try:
            entries = decode(number, data)
        except StorageDamagedError as error:
            raw = data if isinstance(data, bytes) else b""
            losses.append(Loss(f"{error}{_guess(raw)}", data=raw))
        records[number] = sum(map(packed_bytes, entries))
        salvage.take(number, entries)
    if TAIL in table.unreadable:
        losses.append(Loss("a page of the tail cannot be read"))
    return Found(records, floors, losses, salvage, table.unreadable)


def rewrite(connection: apsw.Connection, found: Found) -> None:
    """Make one record of all that is kept, and put the rest aside."""
    losses = [*found.losses, *found.salvage.losses]
    if losses:
        _log.error("rows behind the chunks are damaged: %s", "; ".join(map(_text, losses)))
    put_aside(connection, losses)
    table = TailTable(connection)
    table.start_afresh(found.unreadable)
    kept = [Entry(stream, stretch, 0) for stream, stretch, _ in found.salvage.kept()]
    if kept:
        table.put(found.next_record, encode_record(found.next_record, kept))


def _guess(data: bytes) -> str:
    rows = [f"{count} rows of data stream {stream}" for stream, count in outline(data).items()]
    return f", it seems to hold {', '.join(rows)}" if rows else ""


def _text(loss: Loss) -> str:
    return loss.reason if loss.stream is None else f"data stream {loss.stream}: {loss.reason}"
