"""A node with something of everything, to be moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.models.events import Event
from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    EventQuery,
    EventStreamRecord,
    FolderRecord,
    FollowerRecord,
    Kind,
    MasterRecord,
    StreamRef,
)

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine

UUID: Final = "11112222-3333-4444-5555-666677778888"
NOW: Final = 1_700_000_000_000_000
LARGE_ROWS: Final = 60_000

LAYOUTS: Final = {
    "large": Layout("float32", 8),
    "broken": Layout("int16", 2),
    "wide": Layout("float64", 30),
    "long": Layout("int64", 1),
    "empty": Layout("int32", 3),
}
STREAMS: Final = {
    name: StreamRef(10 + i, layout, decimate=name != "long", name=name)
    for i, (name, layout) in enumerate(LAYOUTS.items())
}
EVENTS: Final = (3, 4)
"""The second one has never had any."""


def rows(stream: StreamRef, times: range) -> Rows:
    """Give rows at these times."""
    found = np.zeros(len(times), stream.layout.dtype)
    found["timestamp"] = np.array(times) + NOW
    values = (np.array(times)[:, None] * 7 + np.arange(stream.layout.width)) % 1000
    found["data"] = values / (8 if stream.layout.datatype.startswith("float") else 1)
    return found


async def fill(engine: Engine) -> None:
    """Store everything."""
    await engine.catalog.apply(catalog())
    await engine.catalog.allocate(Kind.FOLDER, 20)
    await engine.catalog.set_property("uuid", UUID)
    await engine.catalog.set_property("exporter x", {"marks": {"a": [1, 2]}})
    await _fill_rows(engine)
    nested = {"b": [1.5, None, -0.0], "a": {"z": 1e20, "y": True}}
    contents: list[dict[str, Any]] = [{}, {"n": 1, "text": "ü\0"}, nested]
    events = [
        Event(NOW + i // 3, None if i % 7 == 0 else NOW + i + 5, contents[i % 3])
        for i in range(12_000)
    ]
    await engine.events.write(EVENTS[0], events)
    await engine.events.remove(EVENTS[0], EventQuery(ALL_TIME._replace(start=NOW + 3990)))


def catalog() -> CatalogChanges:
    """Give what puts all records into an empty catalog."""
    return CatalogChanges(put=list(_records()))


async def _fill_rows(engine: Engine) -> None:
    store = engine.samples
    for at in range(0, LARGE_ROWS, 5000):
        store.append(STREAMS["large"], rows(STREAMS["large"], range(at, at + 5000)))
    await store.commit()
    for first in range(0, 3000, 100):
        run = rows(STREAMS["broken"], range(first, first + 90 + first % 3))
        store.append(STREAMS["broken"], run, starts_interval=True)
    for name, times in (("wide", range(0, 9000, 3)), ("long", range(-5, 50))):
        store.append(STREAMS[name], rows(STREAMS[name], times), starts_interval=True)
    await store.commit()
    # Two neighbours a microsecond apart with a break between them, and late rows.
    late = rows(STREAMS["long"], range(50, 60))
    await store.insert(STREAMS["long"], late, starts_interval=True, ends_interval=True)


def _records() -> list[
    FolderRecord
    | DataStreamRecord
    | EventStreamRecord
    | AnnotationRecord
    | MasterRecord
    | FollowerRecord
]:
    return [
        FolderRecord(1, "root", None, None, NOW),
        FolderRecord(9, "site", "text", 1, NOW + 1),
        FolderRecord(4, "größe", None, 9, NOW + 2),
        *(
            DataStreamRecord(
                stream.id,
                name,
                None,
                stream.layout.datatype,
                -1,
                stream.decimate,
                False,
                4,
                NOW + 3,
                tuple(
                    ElementRecord(
                        stream.id * 100 + i,
                        i,
                        f"e{i}",
                        "W",
                        None,
                        "continuous",
                        0.5,
                        2.0,
                        1.0,
                        None,
                    )
                    for i in range(stream.layout.width)
                ),
            )
            for name, stream in STREAMS.items()
        ),
        EventStreamRecord(EVENTS[0], "loads", "", {"n": "numeric"}, 0, -1, False, 9, NOW + 4),
        EventStreamRecord(EVENTS[1], "none", None, {}, 86_400_000_000, 5, True, 4, NOW + 5),
        AnnotationRecord(2, STREAMS["broken"].id, "note", None, NOW, NOW + 9),
        MasterRecord(1, "owner", "USER", bytes(range(32)), "admin", None),
        MasterRecord(5, "guest", "JOULE_NODE", bytes(32), "read", 1),
        FollowerRecord(3, "other", "https://other:8088", "key"),
    ]
