"""Counts what the store really does in a story: a story in which nothing happens proves nothing."""

from __future__ import annotations

from collections import Counter
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from joule.storage.embedded import editing, event_table, sealing
from joule.storage.embedded.chunk_table import ChunkTable
from joule.storage.embedded.chunks import Chunks
from joule.storage.embedded.sealing import Sealer
from joule.storage.embedded.span_table import SpanTable
from joule.storage.embedded.tail_table import TailTable
from joule.storage.embedded.tails import Tails

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from joule.testing.faults import Call

WATCHED: Final[dict[str, tuple[Any, str]]] = {
    "records written": (TailTable, "put"),
    "records removed": (TailTable, "remove_before"),
    "tails sealed": (Sealer, "seal"),
    "tails aged": (Tails, "aged"),
    "chunks merged": (Chunks, "_to_merge_with"),
    "chunks replaced": (Chunks, "replace"),
    "breaks closed": (editing, "consolidate"),
    "rows deleted": (editing, "delete"),
    "rows let go of": (sealing, "retain"),
    "deleted streams swept": (ChunkTable, "remove_some"),
    "groups removed": (ChunkTable, "drop_pyramids"),
    "groups computed": (ChunkTable, "set_pyramid"),
    "spans made": (SpanTable, "put"),
    "spans removed": (SpanTable, "uncover"),
    "events written": (event_table, "store"),
    "events erased": (event_table, "erase"),
}
"""Where each thing is done. One that gives something back counts when that is not nothing."""


def watch(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count from now on."""
    tally: Counter[str] = Counter(dict.fromkeys(WATCHED, 0))
    for name, (owner, attribute) in WATCHED.items():
        monkeypatch.setattr(owner, attribute, _counted(getattr(owner, attribute), name, tally))
    return tally


def _counted(work: Any, name: str, tally: Counter[str]) -> Any:
    @wraps(work)
    def counted(*args: Any, **kwargs: Any) -> Any:
        result = work(*args, **kwargs)
        tally[name] += result is None or bool(result)
        return result

    return counted


def of_the_device(calls: Iterable[Call]) -> Counter[str]:
    """Count what shows only at the device."""
    found = [f"{call.kind} {call.path.rpartition('joule.db')[2] or 'file'}" for call in calls]
    return Counter(found)
