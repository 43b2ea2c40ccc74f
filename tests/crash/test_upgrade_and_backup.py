"""Calls that fail, and power cuts, while an older store is upgraded or a store is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME
from joule.storage.embedded import EmbeddedEngine, format_3, upgrades
from joule.storage.embedded.checking import check_store
from joule.storage.embedded.copying import copy_store
from joule.storage.interfaces import EventQuery
from joule.testing.engine_contract.checks import check_stream
from joule.testing.faults import REPORTED, Device, FaultyFiles, Survivors
from tests.crash.conftest import scaled, spread
from tests.data.sample_store import EVENT_STREAM, EVENTS, RUNS, STREAMS, rows, unpack

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from joule.storage.embedded.checking import Finding
    from joule.testing.faults import Call, Fault

pytestmark = pytest.mark.slow

FAULTS = scaled(10, 60)
CUTS = scaled(4, 60)


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrades, "CHUNKS_PER_PART", 3)
    monkeypatch.setattr(format_3, "ROWS_PER_PART", 3)


async def upgrade(path: Path, plan: dict[int, Fault] | None = None) -> list[Call]:
    """Open a store and close it; gives the calls that were made. A fault may keep it shut."""
    files = FaultyFiles(plan)
    try:
        async with EmbeddedEngine(path, vfs=files.name):
            pass
    except StorageError:
        assert plan, "a store that is whole was not opened"
    finally:
        files.unregister()
    return files.calls


async def check_all(path: Path) -> None:
    """Everything that the sample was filled with is there, and nothing else."""
    async with EmbeddedEngine(path) as engine:
        assert (await engine.usage()).fault is None
        for stream in STREAMS:
            runs = [rows(stream, times) for times in RUNS[stream.id]]
            await check_stream(engine.samples, stream, runs, levels=(4, 64))
        events = await engine.events.read(EVENT_STREAM, EventQuery(ALL_TIME))
        assert [(e.start_time, e.end_time, e.content) for e in events] == [
            (e.start_time, e.end_time, e.content) for e in EVENTS
        ]
    assert findings(path) == []


def parts(folder: Path) -> list[Path]:
    """Files that a copy leaves when it is cut short."""
    return list(folder.glob(".*.part*"))


def findings(path: Path) -> list[Finding]:
    found: list[Finding] = []
    check_store(path, found.append)
    return found


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.timeout(60 + FAULTS)
async def test_any_call_of_an_upgrade_may_fail(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    path = tmp_path / "joule.db"
    unpack(2, path)
    calls = await upgrade(path)
    for number, fault in spread(calls, REPORTED, FAULTS):
        folder = tmp_path / f"{number}-{fault.name}"
        folder.mkdir()
        unpack(2, folder / path.name)
        await upgrade(folder / path.name, {number: fault})
        await check_all(folder / path.name)
        figures["failing calls of an upgrade survived"] += 1


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.timeout(60 + CUTS)
async def test_the_power_may_go_at_any_moment_of_an_upgrade(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    path = tmp_path / "joule.db"
    unpack(2, path)
    image = path.read_bytes()
    calls = await upgrade(path)
    random = np.random.default_rng(seed)
    for moment in np.unique(np.linspace(0, len(calls), CUTS).astype(int)).tolist():
        device = Device({str(path): image})
        device.run(calls[:moment])
        folder = tmp_path / f"cut{moment}"
        folder.mkdir()
        device.lose_power(folder, Survivors.ANY_SECTORS, random)
        await check_all(folder / path.name)
        figures["power cuts of an upgrade survived"] += 1


@pytest.mark.timeout(60 + FAULTS)
async def test_any_call_of_a_backup_may_fail_and_leaves_the_last_one_in_place(
    tmp_path: Path, figures: Counter[str]
) -> None:
    path, target = tmp_path / "joule.db", tmp_path / "backup.db"
    unpack(2, path)
    await check_all(path)
    copy_store(path, target)
    last = target.read_bytes()
    counting = FaultyFiles()
    copy_store(path, target, vfs=counting.name)
    counting.unregister()
    for number, fault in spread(counting.calls, REPORTED, FAULTS):
        files = FaultyFiles({number: fault})
        with pytest.raises(StorageError):
            copy_store(path, target, vfs=files.name)
        files.unregister()
        assert target.read_bytes() == last
        assert parts(tmp_path) == []
        figures["failing calls of a backup survived"] += 1
    copy_store(path, target)
    await check_all(target)
