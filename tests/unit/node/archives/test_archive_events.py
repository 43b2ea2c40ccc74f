"""Events of archives: new ids, each once, and what ``on_conflict`` decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from joule.config.importer_conf import EventTarget, OnConflict
from joule.models.events import Event, EventStream
from joule.node.archives import event_import
from tests.unit.node.archives.joule_1_0 import Archive, event
from tests.unit.node.archives.support import IMPORTER, events_of, taken, texts

if TYPE_CHECKING:
    from pathlib import Path

    from joule.node import LocalNode
    from joule.node.archives import Importers
    from joule.utilities import ImportLogger

Told = tuple[int, int | None, dict[str, Any]]


async def imported(
    importers: Importers, folder: Path, *blocks: list[dict[str, Any]]
) -> ImportLogger:
    return await taken(importers, Archive().events(*blocks).save(folder / "a.zip"))


def deciding(importers: Importers, on_conflict: OnConflict) -> None:
    importers.use([replace(IMPORTER, events=(EventTarget("trips", "/mirror/e", on_conflict),))])


async def plant(hub: LocalNode, *events: Event) -> EventStream:
    stream = await hub.catalog.create_stream(EventStream("e"), "/mirror")
    await hub.events.write(stream, events)
    return stream


async def told(hub: LocalNode) -> list[Told]:
    stream = hub.catalog.event_stream("/mirror/e")
    return [(e.start_time, e.end_time, e.content) for e in await events_of(hub, stream)]


async def test_ids_of_the_source_overwrite_nothing(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    stream = await plant(hub, Event(100, 200, {"mine": 1}))
    (mine,) = await events_of(hub, stream)
    await imported(importers, tmp_path, [event(1, 2, mine.id, theirs=1)])
    assert await told(hub) == [(1, 2, {"theirs": 1}), (100, 200, {"mine": 1})]
    assert (await events_of(hub, stream))[1].id == mine.id


async def test_events_that_start_together_all_arrive_also_over_files(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    first = [event(1, 2, 1, n=1), event(5, 6, 2, n=2), event(5, 6, 3, n=2)]
    more = [event(5, 6, 4, n=2), event(5, None, 5, n=3), event(9, 10, 6)]
    archive = Archive().events(first)
    archive.events(more, label="x")
    archive.files["events/0/data/5_1.json"] = archive.files.pop("events/1/data/9.json")
    del archive.files["events/1/metadata.json"]
    file = archive.save(tmp_path / "a.zip")
    report = await taken(importers, file)
    assert "i imported 6 events into /mirror/e" in texts(report)
    assert [start for start, _, _ in await told(hub)] == [1, 5, 5, 5, 5, 9]
    assert texts(await taken(importers, file)) == ["e 6 events already exist in target"]
    assert len(await told(hub)) == 6


async def test_what_an_import_left_out_when_it_was_broken_off_comes_with_the_next(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    await plant(hub, Event(5, 6, {"n": 2}), Event(5, 6, {"n": 2}))
    events = [event(5, 6, id_, n=2) for id_ in (1, 2, 3)]
    report = await imported(importers, tmp_path, events)
    assert texts(report) == [
        "i imported 1 events into /mirror/e",
        "e 2 events already exist in target",
    ]
    assert await told(hub) == [(5, 6, {"n": 2})] * 3


@pytest.mark.parametrize(
    ("on_conflict", "expected", "count"),
    [
        (OnConflict.KEEP_BOTH, [{"a": 1, "b": 1}, {"a": 2, "c": 2}], 1),
        (OnConflict.KEEP_SOURCE, [{"a": 2, "c": 2}], 1),
        (OnConflict.KEEP_DESTINATION, [{"a": 1, "b": 1}], 0),
        (OnConflict.MERGE, [{"a": 2, "b": 1, "c": 2}], 1),
    ],
)
async def test_another_content_at_the_same_times_is_decided_by_on_conflict(
    on_conflict: OnConflict,
    expected: list[dict[str, Any]],
    count: int,
    importers: Importers,
    hub: LocalNode,
    tmp_path: Path,
) -> None:
    deciding(importers, on_conflict)
    await plant(hub, Event(5, 6, {"a": 1, "b": 1}), Event(5, 7, {"other": "end"}))
    report = await imported(importers, tmp_path, [event(5, 6, 1, a=2, c=2)])
    contents = [content for _, end, content in await told(hub) if end == 6]
    assert sorted(contents, key=str) == expected
    assert (5, 7, {"other": "end"}) in await told(hub)
    infos = [f"i imported {count} events into /mirror/e"] if count else []
    assert [text for text in texts(report) if text.startswith("i")] == infos
    again = await imported(importers, tmp_path, [event(5, 6, 1, a=2, c=2)])
    assert texts(again) == ["e 1 events already exist in target"]


@pytest.mark.parametrize("on_conflict", OnConflict)
async def test_events_of_one_archive_do_not_conflict_with_each_other(
    on_conflict: OnConflict, importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    deciding(importers, on_conflict)
    events = [event(5, 6, 1, a=1), event(5, 6, 2, a=2)]
    for _ in range(2):
        await imported(importers, tmp_path, events)
        assert await told(hub) == [(5, 6, {"a": 1}), (5, 6, {"a": 2})]


async def test_events_that_no_stream_can_hold_are_left_out(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    unfit = [event(5, 5, 1), event(8, 1, 3), event(2**63 - 1, None, 4)]
    report = await imported(importers, tmp_path, [*unfit, event(6, 7, 2)])
    assert "w left out 3 events with impossible times" in texts(report)
    assert await told(hub) == [(6, 7, {})]


async def test_many_events_are_held_in_small_parts_only(
    importers: Importers, hub: LocalNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_import, "_PAGE", 7)
    monkeypatch.setattr(event_import, "_HELD_MAX", 10)
    blocks = [[event(n // 25, None, n, n=n) for n in range(i, i + 10)] for i in range(0, 100, 10)]
    archive = Archive().events()
    for number, block in enumerate(blocks):
        single = Archive().events(block).files
        archive.files["events/0/metadata.json"] = single.pop("events/0/metadata.json")
        (data,) = single.values()
        archive.files[f"events/0/data/{block[-1]['start_time']}_{number}.json"] = data
    file = archive.save(tmp_path / "a.zip")
    await taken(importers, file)
    assert [content["n"] for _, _, content in await told(hub)] == list(range(100))
    assert texts(await taken(importers, file)) == ["e 100 events already exist in target"]
    assert len(await told(hub)) == 100
