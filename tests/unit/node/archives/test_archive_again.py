"""Archives of which something is there already, since they came before or were broken off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from io import FileIO
from typing import TYPE_CHECKING

import pytest

from joule.config.importer_conf import DataTarget, EventTarget
from joule.errors import StorageError, StorageFullError
from joule.node.archives import Importers
from joule.node.archives import importers as importers_module
from tests.unit.node.archives.importing import ROWS, append, plant, rows_in, runs_in
from tests.unit.node.archives.joule_1_0 import Archive, Row, event
from tests.unit.node.archives.support import IMPORTER, events_of, taken, texts

if TYPE_CHECKING:
    from pathlib import Path

    from joule.node import LocalNode
    from tests.unit.node.support import ChosenEngine

# ------------------------------------------------------------------ what is there already


async def test_the_same_archive_twice_changes_nothing_and_says_so(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    file = Archive().data(ROWS[:4], ROWS[6:]).events([event(5, 9, 12)]).save(tmp_path / "a.zip")
    await taken(importers, file)
    report = await taken(importers, file)
    assert texts(report) == [
        "e data at 1970-01-01 00:00:00.000001 already exists in target",
        "e 1 events already exist in target",
    ]
    assert not report.success
    assert await rows_in(hub) == ROWS[:4] + ROWS[6:]
    assert await runs_in(hub) == [(1, 4), (7, 10)]


@pytest.mark.parametrize(
    "there", [ROWS[:4], ROWS[3:6], ROWS[7:], [ROWS[1], ROWS[4], ROWS[5], ROWS[8]]]
)
async def test_an_archive_fills_what_is_missing_into_one_interval(
    there: list[Row], importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    stream = await plant(hub, there[0])
    for row in there[1:]:
        await append(hub, stream, row, gap_us=100)
    report = await taken(importers, Archive().data(ROWS).save(tmp_path / "a.zip"))
    assert texts(report) == [
        f"i importing {len(ROWS) - len(there)} rows of data into /mirror/s",
        f"e data at 1970-01-01 00:00:00.00000{there[0][0]} already exists in target",
    ]
    assert await rows_in(hub) == ROWS
    assert await runs_in(hub) == [(1, 10)]


async def test_rows_that_are_there_keep_their_values(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    await plant(hub, (3, 33.0, 33.0))
    await taken(importers, Archive().data(ROWS[:4]).save(tmp_path / "a.zip"))
    assert await rows_in(hub) == [*ROWS[:2], (3, 33.0, 33.0), ROWS[3]]


async def test_older_rows_may_come_beside_the_producer_of_a_stream(
    importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    stream = await plant(hub, (100, 0, 0))
    async with await hub.data.open_writer(stream):
        report = await taken(importers, Archive().data(ROWS).save(tmp_path / "a.zip"))
        assert report.success
        later = Archive().data([(200, 1, 1)]).save(tmp_path / "b.zip")
        assert texts(await taken(importers, later)) == [
            "e cannot import data into /mirror/s: DataStream [s] is being produced, "
            "others can write rows before its newest one only"
        ]
    assert await rows_in(hub) == [*ROWS, (100, 0, 0)]


# ------------------------------------------------------------------ a store that fails


async def test_an_import_that_cannot_be_stored_is_an_error_and_may_be_repeated(
    node: LocalNode, engine: ChosenEngine, tmp_path: Path
) -> None:
    importers = Importers(node, tmp_path / "in")
    importers.use([IMPORTER])
    file = Archive().data(ROWS).save(tmp_path / "a.zip")
    engine.chosen.failure = StorageError("no room")
    with pytest.raises(StorageError, match="no room"):
        await taken(importers, file)
    assert list((tmp_path / "in").iterdir()) == []
    engine.chosen.failure = None
    await node.commit()
    await taken(importers, file)
    assert await rows_in(node) == ROWS
    assert await runs_in(node) == [(1, 10)]


async def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(
    hub: LocalNode, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    importers = Importers(hub, tmp_path / "file" / "folder")
    with pytest.raises(StorageError, match="cannot make the folder"):
        await taken(importers, Archive().save(tmp_path / "a.zip"))


async def test_an_import_that_is_broken_off_anywhere_is_completed_by_the_next(
    node: LocalNode, tmp_path: Path
) -> None:
    importers = Importers(node, tmp_path / "in")
    rows: list[Row] = [(time, 0.0, time) for time in range(30_000)]
    events = [[event(i // 3, None, i, i=i) for i in range(n, n + 100)] for n in (0, 100, 200)]
    archive = Archive().data(rows[:9000], rows[9000:20_000], rows[20_000:]).events(*events)
    file = archive.save(tmp_path / "a.zip")
    for turns in range(0, 200, 20):
        data, trips = f"/{turns}/s", f"/{turns}/e"
        target = replace(
            IMPORTER, data=(DataTarget("volts", data),), events=(EventTarget("trips", trips),)
        )
        importers.use([target])
        work = asyncio.create_task(taken(importers, file))
        for _ in range(turns):
            await asyncio.sleep(0.0001)
        work.cancel()
        await asyncio.wait([work])
        await taken(importers, file)
        assert await runs_in(node, data) == [(0, 8999), (9000, 19_999), (20_000, 29_999)]
        assert (await node.data.info(node.catalog.data_stream(data))).rows == len(rows)
        stream = node.catalog.event_stream(trips)
        found = [each.content["i"] for each in await events_of(node, stream)]
        assert found == list(range(300))
    assert list((tmp_path / "in").iterdir()) == []


async def test_an_upload_that_finds_no_room_is_an_error_of_the_store(
    importers: Importers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importers_module, "_opened", lambda _: FileIO("/dev/full", "w"))
    with pytest.raises(StorageFullError, match="No space left"):
        await taken(importers, Archive().save(tmp_path / "a.zip"))
