"""Archives of Joule 1.0 on their way in: rows, intervals, streams, and which importer is meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from joule.config.importer_conf import DataTarget, ImporterConf
from joule.models.base import KEEP_NONE
from joule.models.events import EventStream
from joule.models.streams import DataStream, Element
from tests.unit.node.archives.importing import PATH, ROWS, plant, rows_in, runs_in
from tests.unit.node.archives.joule_1_0 import Archive, event
from tests.unit.node.archives.support import IMPORTER, events_of, taken, texts

if TYPE_CHECKING:
    from joule.node import LocalNode
    from joule.node.archives import Importers

MADE_BY_1_0 = Path(__file__).parents[3] / "data" / "joule-1.0.1-archive.zip"


def with_gap(importers: Importers, gap_us: int) -> None:
    importers.use([replace(IMPORTER, data=(DataTarget("volts", PATH, gap_us),))])


# ------------------------------------------------------------------ what comes in


async def test_an_archive_of_joule_1_0_makes_the_streams_it_needs(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    archive = Archive().data(ROWS[:4], ROWS[6:]).events([event(5, 9, 12, kind="a")])
    report = await taken(importers, archive.save(tmp_path / "a.zip"))
    assert texts(report) == [
        "i creating data stream /mirror/s",
        "i importing 8 rows of data into /mirror/s",
        "i creating event stream /mirror/e",
        "i imported 1 events into /mirror/e",
    ]
    assert report.info_messages[1].source_label == "volts"
    assert report.info_messages[1].destination == PATH
    assert [m.target_type for m in report.info_messages[1:3]] == ["data_stream", "event_stream"]
    assert await rows_in(hub) == ROWS[:4] + ROWS[6:]
    assert await runs_in(hub) == [(1, 4), (7, 10)]
    made = hub.catalog.data_stream(PATH)
    assert (made.name, made.layout, made.is_configured) == ("s", "float32_2", False)
    assert [element.units for element in made.elements] == ["V", "V"]
    assert hub.catalog.event_stream("/mirror/e").event_fields == {"kind": "string"}


async def test_an_archive_that_joule_1_0_has_made_comes_in(
    importers: Importers, hub: LocalNode
) -> None:
    one = DataTarget("one", "/mirror/one")
    importers.use([replace(IMPORTER, data=(*IMPORTER.data, one))])
    assert (await taken(importers, MADE_BY_1_0)).success
    first = 1_700_000_000_000_000
    expected = [(first + (b + i) * 1_000_000, b + i, -i) for b in (0, 10) for i in range(5)]
    assert await rows_in(hub) == expected
    assert await runs_in(hub) == [
        (first, first + 4_000_000),
        (first + 10_000_000, first + 14_000_000),
    ]
    assert await rows_in(hub, "/mirror/one") == [(first + i, i) for i in range(3)]
    events = await events_of(hub, hub.catalog.event_stream("/mirror/e"))
    assert [(e.start_time - first, e.end_time, e.content) for e in events] == [
        (i, first + i + 5, {"n": i}) for i in range(4)
    ]


async def test_blocks_are_taken_by_time_though_their_names_sort_otherwise(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    archive = Archive().data(ROWS[:9], ROWS[9:])  # 9.dat, 10_interval_break.dat, 10.dat
    await taken(importers, archive.save(tmp_path / "a.zip"))
    assert await rows_in(hub) == ROWS
    assert await runs_in(hub) == [(1, 9), (10, 10)]


async def test_the_file_is_gone_afterwards(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    await taken(importers, Archive().data(ROWS).save(tmp_path / "a.zip"))
    assert list((tmp_path / "importer_data").iterdir()) == []


async def test_what_a_killed_node_left_is_removed_and_nothing_else(
    importers: Importers, tmp_path: Path
) -> None:
    importers.tidy()  # there is no folder yet
    folder = tmp_path / "importer_data"
    folder.mkdir()
    (folder / "20240101000000000000.zip.part").touch()
    (folder / "mine.zip").touch()
    (folder / "cannot be removed.zip.part").mkdir()
    importers.tidy()
    assert {file.name for file in folder.iterdir()} == {"mine.zip", "cannot be removed.zip.part"}


async def test_a_stream_that_keeps_nothing_is_no_target(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    stream = await plant(hub, ROWS[0])
    await hub.catalog.update_stream(DataStream, stream.id, {"keep_us": KEEP_NONE})
    report = await taken(importers, Archive().data(ROWS[1:]).save(tmp_path / "a.zip"))
    assert texts(report) == ["e cannot import data into /mirror/s: it keeps nothing"]


# ------------------------------------------------------------------ which importer


async def test_the_importer_for_the_node_goes_before_that_for_any(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    here = ImporterConf("daily", "siteA", data=(DataTarget("volts", "/here/s"),))
    importers.use([IMPORTER, here])
    await taken(importers, Archive().data(ROWS[:2]).save(tmp_path / "a.zip"))
    await taken(importers, Archive(node="other").data(ROWS[2:]).save(tmp_path / "a.zip"))
    assert await rows_in(hub, "/here/s") == ROWS[:2]
    assert await rows_in(hub, PATH) == ROWS[2:]


async def test_an_archive_without_importer_is_reported(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    report = await taken(importers, Archive("weekly").data(ROWS).save(tmp_path / "a.zip"))
    assert texts(report) == ["e No importer defined for archive [weekly] from node [siteA]"]
    assert report.error_messages[0].source_label is None
    assert not hub.catalog.data_streams()


async def test_streams_without_a_target_are_warned_about(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    archive = Archive().data(ROWS, label="other").events([event(1, 2, 1)], label="more")
    report = await taken(importers, archive.save(tmp_path / "a.zip"))
    assert texts(report) == [
        "w No match for data stream with label [other]",
        "w No match for event stream with label [more]",
    ]
    assert report.warning_messages[0].source_label == "other"
    assert not hub.catalog.data_streams()


# ------------------------------------------------------------------ intervals


@pytest.mark.parametrize(
    ("gap_us", "expected"), [(0, [(1, 3), (5, 10)]), (1, [(1, 10)]), (2**63 - 1, [(1, 10)])]
)
async def test_merge_gap_joins_an_archive_to_what_is_there(
    gap_us: int,
    expected: list[tuple[int, int]],
    importers: Importers,
    hub: LocalNode,
    tmp_path: Path,
) -> None:
    await plant(hub, *ROWS[:3])
    with_gap(importers, gap_us)
    await taken(importers, Archive().data(ROWS[4:]).save(tmp_path / "a.zip"))
    assert await runs_in(hub) == expected


async def test_merge_gap_does_not_join_what_a_break_in_the_archive_parts(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    await plant(hub, *ROWS[:3])
    with_gap(importers, 100)
    archive = Archive().data(ROWS[4:6], ROWS[6:])
    archive.files["data/0/data/4_interval_break.dat"] = b" "
    await taken(importers, archive.save(tmp_path / "a.zip"))
    assert await runs_in(hub) == [(1, 3), (5, 6), (7, 10)]


# ------------------------------------------------------------------ what does not fit


async def test_a_stream_of_another_layout_or_kind_is_left_alone_and_others_come_in(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    await hub.catalog.create_stream(DataStream("s", elements=[Element("x")]), "/mirror")
    await hub.catalog.create_stream(EventStream("t"), "/mirror")
    targets = (*IMPORTER.data, DataTarget("second", "/mirror/t"), DataTarget("third", "/mirror/u"))
    importers.use([replace(IMPORTER, data=targets)])
    archive = Archive()
    for label in ("volts", "second", "third"):
        archive.data(ROWS, label=label)
    report = await taken(importers, archive.save(tmp_path / "a.zip"))
    assert texts(report) == [
        "i creating data stream /mirror/u",
        "i importing 10 rows of data into /mirror/u",
        "e cannot import data into /mirror/s: its layout is float32_1, the archive has float32_2",
        "e cannot import data into /mirror/t: Invalid stream specification: "
        "stream with the same name exists in the folder",
    ]


async def test_rows_that_no_stream_can_hold_are_left_out(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    rows = [ROWS[0], (2, float("inf"), 0.0), (3, 0.0, float("nan")), ROWS[3]]
    report = await taken(importers, Archive().data(rows).save(tmp_path / "a.zip"))
    assert texts(report)[1:] == [
        "i importing 2 rows of data into /mirror/s",
        "w left out 2 rows with values that are not finite",
    ]
    assert await rows_in(hub) == [ROWS[0], ROWS[3]]
