"""What the store was told, in plain Python, and whether files that were found agree with it."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import JouleError
from joule.models.intervals import ALL_TIME, MIN_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.checking import check_store
from joule.storage.interfaces import (
    DataStreamRecord,
    ElementRecord,
    EventQuery,
    EventStreamRecord,
    FolderRecord,
    Kind,
    StreamRef,
)
from joule.testing.engine_contract.checks import check_stream, read_runs
from joule.testing.store_model import StoreModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from joule.models.events import Event
    from joule.models.layout import Rows
    from joule.storage.embedded.checking import Finding
    from joule.storage.interfaces import Engine, Record

FAST = StreamRef(1, Layout("int16", 6))
WIDE = StreamRef(2, Layout("float32", 40))
SLOW = tuple(StreamRef(3 + i, Layout("float64", 1 + i), decimate=i != 1) for i in range(3))
STREAMS = (FAST, WIDE, *SLOW)
EVENT_STREAMS = (1, 2)
LEVELS = (4, 64)
ROOT = FolderRecord(1, "root", None, None, 0)


@dataclass
class World:
    """What there should be: rows, events, folders, a property.

    Rows up to ``sure_until`` were acknowledged; later ones wait for a commit, and a crash may take
    the last of them.
    """

    streams: dict[int, StoreModel] = field(
        default_factory=lambda: {stream.id: StoreModel() for stream in STREAMS}
    )
    sure_until: dict[int, int] = field(
        default_factory=lambda: {stream.id: MIN_TIME for stream in STREAMS}
    )
    events: dict[int, dict[int, tuple[Any, ...]]] = field(
        default_factory=lambda: {stream: {} for stream in EVENT_STREAMS}
    )
    folders: dict[int, FolderRecord] = field(default_factory=dict)
    catalogued: set[tuple[Kind, int]] = field(default_factory=set)
    note: Any = None

    def copy(self) -> World:
        """A world of its own."""
        return deepcopy(self)

    def committed(self) -> None:
        """Everything was acknowledged."""
        for stream, model in self.streams.items():
            self.sure_until[stream] = max(model.values, default=MIN_TIME)

    def inserted(self, stream: int, times: Iterable[int]) -> None:
        """These rows were acknowledged, and with them all before them."""
        self.sure_until[stream] = max(self.sure_until[stream], *times)


def rows_of(stream: StreamRef, values: dict[int, int]) -> Rows:
    """``(n,)`` rows at the times of ``values``; the value of a time stirs all its columns."""
    rows = np.zeros(len(values), dtype=stream.layout.dtype)
    rows["timestamp"] = list(values)
    salt = np.array(list(values.values()), dtype=np.int64)
    seed = rows["timestamp"] * 31 + salt * 1009
    noise = (seed[:, None] + np.arange(stream.layout.width) * 7919) * 2654435761 >> 9
    small = (noise & 0x3FFF) - 8192
    rows["data"] = small if stream.layout.datatype.startswith("int") else small / 8
    return rows


def event_values(event: Event) -> tuple[Any, ...]:
    """What is compared of an event."""
    return event.start_time, event.end_time, json.dumps(event.content)


def founding() -> list[Record]:
    """The records of all streams, and of the folder they are in."""
    events = [
        EventStreamRecord(id_, f"events{id_}", None, {}, 0, -1, False, ROOT.id, 0)
        for id_ in EVENT_STREAMS
    ]
    return [ROOT, *map(stream_record, STREAMS), *events]


def stream_record(stream: StreamRef) -> DataStreamRecord:
    """What the catalog has of a stream."""
    elements = tuple(
        ElementRecord(1000 * stream.id + i, i, f"e{i}", None, True, "CONTINUOUS", 0, 1, None, None)
        for i in range(stream.layout.width)
    )
    return DataStreamRecord(
        stream.id, f"s{stream.id}", None, stream.layout.datatype, -1, stream.decimate, False,
        ROOT.id, 0, elements,
    )  # fmt: skip


async def examine(path: Path, allowed: Sequence[World]) -> list[str]:
    """Open a store that was found and list what contradicts all of the allowed worlds.

    Each stream may be as in any of them, up to some row behind those that were acknowledged in
    the first.
    """
    try:
        async with EmbeddedEngine(path) as engine:
            return await compare(engine, allowed)
    except (JouleError, AssertionError) as error:
        return [f"the store cannot be read: {error!r}"]


async def compare(engine: EmbeddedEngine, allowed: Sequence[World]) -> list[str]:
    """List what in an open store contradicts all of the allowed worlds."""
    sure = allowed[0].sure_until
    findings = [
        finding
        for stream in STREAMS
        for finding in await _compare_rows(
            engine, stream, [world.streams[stream.id] for world in allowed], sure[stream.id]
        )
    ]
    for stream_id in EVENT_STREAMS:
        events = await engine.events.read(stream_id, EventQuery(ALL_TIME))
        found = {event.id: event_values(event) for event in events}
        if len(found) < len(events):
            findings.append(f"events {stream_id}: an id is there twice")
        if found not in [world.events[stream_id] for world in allowed]:
            findings.append(f"events {stream_id}: {len(found)} are neither old nor new ones")
    findings += await _compare_catalog(engine, allowed)
    return findings + await asyncio.to_thread(_check, engine._database.path)


def _check(path: Path) -> list[str]:
    """Everything in the file against everything else, as ``joule admin check`` does."""
    found: list[Finding] = []
    check_store(path, found.append)
    return [f"check: {finding.place}: {finding.text}" for finding in found]


async def _compare_catalog(engine: Engine, allowed: Sequence[World]) -> list[str]:
    snapshot = await engine.catalog.load()
    folders = {folder.id: folder for folder in snapshot.folders}
    note = await engine.catalog.get_property("note")
    kinds = ((Kind.DATA_STREAM, snapshot.data_streams), (Kind.EVENT_STREAM, snapshot.event_streams))
    catalogued = {(kind, record.id) for kind, records in kinds for record in records}
    findings = []
    if catalogued not in [world.catalogued for world in allowed]:
        findings.append(
            f"catalog: streams {sorted(map(str, catalogued))} are neither old nor new ones"
        )
    if folders not in [world.folders for world in allowed]:
        findings.append(f"catalog: folders {sorted(folders)} are neither the old nor the new ones")
    if note not in [world.note for world in allowed]:
        findings.append(f"catalog: the property is {note}")
    return findings


async def _compare_rows(
    engine: Engine, stream: StreamRef, models: Sequence[StoreModel], sure_until: int
) -> list[str]:
    found, _ = await read_runs(engine.samples, stream)
    times = np.concatenate([run["timestamp"] for run in found]) if found else np.empty(0, np.int64)
    for model in models:
        sure = max((time for time in model.values if time <= sure_until), default=MIN_TIME)
        last = max(int(times[-1]) if len(times) else MIN_TIME, sure)
        expected = _runs(stream, model, last)
        if _same(found, expected):
            return await _check_all(engine, stream, expected)
    return [_difference(stream, times, models[0], sure_until)]


def _runs(stream: StreamRef, model: StoreModel, last: int) -> list[Rows]:
    runs = model.runs(Interval(MIN_TIME, last + 1))
    return [rows_of(stream, {time: model.values[time] for time in run}) for run in runs]


def _same(found: Sequence[Rows], expected: Sequence[Rows]) -> bool:
    return len(found) == len(expected) and all(
        left.tobytes() == right.tobytes() for left, right in zip(found, expected, strict=True)
    )


async def _check_all(engine: Engine, stream: StreamRef, expected: list[Rows]) -> list[str]:
    """The rows are right; are intervals, counts and groups?"""
    try:
        await check_stream(engine.samples, stream, expected, levels=LEVELS)
    except AssertionError as error:
        return [f"stream {stream.id}: {str(error).strip().splitlines()[0]}"]
    return []


def _difference(
    stream: StreamRef, times: np.ndarray[Any, Any], model: StoreModel, sure_until: int
) -> str:
    sure = {time for time in model.values if time <= sure_until}
    there = set(times.tolist())
    return (
        f"stream {stream.id}: {len(sure - there)} of {len(sure)} acknowledged rows missing, "
        f"{len(there - set(model.values))} unknown, {len(times) - len(there)} doubled, "
        "or other values or intervals"
    )
