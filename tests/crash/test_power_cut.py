"""Power cuts at any moment of a mixed workload: what was acknowledged is there, once and whole."""

from __future__ import annotations

import shutil
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.storage.embedded import database
from joule.testing.faults import LARGE_SECTOR, SECTOR, Device, Fault, FaultyFiles, Survivors
from tests.crash.conftest import scaled, spread
from tests.crash.story import TOUR, tell
from tests.crash.world import examine

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from pathlib import Path

    from joule.testing.faults import Call
    from tests.crash.story import Told
    from tests.crash.world import World

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_store")]

CUTS = scaled(4, 120)
CUTS_PER_STORY = 60
LATE = scaled(20, 120)
STEPS = 70
CHANCES = {
    Survivors.ANY_SECTORS: 0.6,
    Survivors.PREFIX: 0.2,
    Survivors.NOTHING: 0.1,
    Survivors.EVERYTHING: 0.1,
}


class Cutter:
    """Cuts the power at moments of one story and examines what is left each time."""

    def __init__(self, told: Told, calls: Sequence[Call], folder: Path, seed: int) -> None:
        self._told = told
        self._calls = calls
        self._folder = folder
        self._random = np.random.default_rng(seed)
        self._device = Device()
        self._moment = 0
        self.sure_until: int | None = None
        """Only what was acknowledged up to this call has to be there; None for all."""

    def moments(self, count: int) -> list[int]:
        """So many moments of the story, in order."""
        found = self._random.integers(1, len(self._calls) + 1, count)
        return sorted(found.tolist())

    async def cut(self, moment: int, survivors: Survivors | None = None) -> list[str]:
        """Cut at a moment (not before the last one) and list what contradicts the story."""
        self._device.run(self._calls[self._moment : moment])
        self._moment = moment
        chosen = survivors or self._any_survivors()
        sector = SECTOR if self._random.random() < 0.5 else LARGE_SECTOR
        self._folder.mkdir()
        try:
            self._device.lose_power(self._folder, chosen, self._random, sector)
            findings = await examine(self._folder / "joule.db", self._allowed(moment))
        finally:
            shutil.rmtree(self._folder)
        return [f"cut at {moment}, {chosen.name}, {sector} B: {finding}" for finding in findings]

    def _allowed(self, moment: int) -> list[World]:
        if self.sure_until is None:
            return self._told.allowed(moment)
        chapters = self._told.chapter(self.sure_until - 1), self._told.chapter(moment)
        return self._told.worlds[chapters[0] : chapters[1] + 2]

    def _any_survivors(self) -> Survivors:
        return list(CHANCES)[int(self._random.choice(len(CHANCES), p=list(CHANCES.values())))]


@pytest.mark.timeout(60 + 2 * CUTS)
async def test_a_power_cut_at_any_moment_takes_nothing_that_was_acknowledged(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    left, story = CUTS, 0
    while left > 0:
        path = tmp_path / f"story{story}" / "joule.db"
        path.parent.mkdir()
        told = await tell(path, seed + story, STEPS)
        cutter = Cutter(told, told.calls, tmp_path / "cut", seed + story)
        for moment in cutter.moments(min(left, CUTS_PER_STORY)):
            findings = await cutter.cut(moment)
            assert findings == [], f"SEED={seed}, story {story}"
            figures["power cuts survived"] += 1
        left -= CUTS_PER_STORY
        story += 1


@pytest.mark.timeout(60 + LATE)
async def test_a_write_that_comes_late_to_the_device_is_not_missed(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    """The power goes right before the sync that would have brought the write or truncation.

    Every one of the tour with ``COUNT=300``, late and never.
    """
    told = await tell(tmp_path / "joule.db", seed, TOUR)
    calls = told.calls
    for number, fault in spread(calls, (Fault.REORDER, Fault.FORGET), LATE):
        moment = _next_sync(calls, number)
        if calls[number].kind == "sync" or moment is None:
            continue
        changed = [*calls[:number], calls[number]._replace(fault=fault), *calls[number + 1 :]]
        cutter = Cutter(told, changed, tmp_path / "cut", seed)
        assert await cutter.cut(moment, Survivors.EVERYTHING) == [], f"SEED={seed}, call {number}"
        figures[f"{calls[number].kind} calls that {fault.name}"] += 1


@pytest.mark.timeout(60 + LATE)
async def test_a_sync_that_comes_late_costs_the_last_commits_at_most(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    """A sync of the log is forgotten, or done after what follows; the power goes before the next.

    No program can keep what a device had not synced when it said so. What was there before the
    commit is whole, though, and the commit is there as a whole or not at all.
    """
    told = await tell(tmp_path / "joule.db", seed, TOUR)
    calls = told.calls
    for number, fault in spread(calls, (Fault.REORDER, Fault.FORGET), LATE):
        if calls[number].kind != "sync" or not calls[number].path.endswith("-wal"):
            continue
        moment = _next_of(calls, number, "sync") or len(calls)
        if any(call.path.endswith(".db") for call in calls[number:moment]):
            continue  # what comes next is a checkpoint, that relies on the log
        changed = [*calls[:number], calls[number]._replace(fault=fault), *calls[number + 1 :]]
        cutter = Cutter(told, changed, tmp_path / "cut", seed)
        cutter.sure_until = number
        assert await cutter.cut(moment) == [], f"SEED={seed}, call {number}"
        figures[f"sync calls that {fault.name}"] += 1


def _next_sync(calls: Sequence[Call], number: int) -> int | None:
    path = calls[number].path
    following = range(number + 1, len(calls))
    return next((i for i in following if calls[i].kind == "sync" and calls[i].path == path), None)


def _next_of(calls: Sequence[Call], number: int, kind: str) -> int | None:
    return next((i for i in range(number + 1, len(calls)) if calls[i].kind == kind), None)


async def test_a_power_cut_while_the_log_is_written_back_takes_nothing(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    """That happens behind the backs of those whose commits are acknowledged."""
    told = await tell(tmp_path / "joule.db", seed, STEPS)
    into_file = [
        number
        for number, call in enumerate(told.calls)
        if call.kind == "write" and call.path.endswith("joule.db") and number > told.marks[1]
    ]
    chosen = np.random.default_rng(seed).choice(into_file, CUTS // 2)
    cutter = Cutter(told, told.calls, tmp_path / "cut", seed)
    for number in sorted(chosen.tolist()):
        assert await cutter.cut(number + 1) == [], f"SEED={seed}, call {number}"
        figures["power cuts while the log was written back"] += 1


async def test_the_oracle_sees_a_device_that_forgets_its_syncs(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    told = await tell(tmp_path / "joule.db", seed, STEPS)
    forgetful = [
        call._replace(fault=Fault.FORGET)
        if call.kind == "sync" and number > told.marks[1]
        else call
        for number, call in enumerate(told.calls)
    ]
    cutter = Cutter(told, forgetful, tmp_path / "cut", seed)
    for mark in told.marks[STEPS // 2 :: 4]:
        assert await cutter.cut(mark, Survivors.NOTHING), f"SEED={seed}: not seen at {mark}"
        figures["cuts with forgotten syncs, each seen by the oracle"] += 1


async def test_the_oracle_sees_one_commit_whose_sync_was_forgotten(
    tmp_path: Path, seed: int
) -> None:
    told = await tell(tmp_path / "joule.db", seed, STEPS)
    steps = zip(pairwise(told.steps), pairwise(told.marks[1:]), strict=True)
    start, end = [
        marks for (before, step), marks in steps if (before.name, step.name) == ("append", "commit")
    ][-1]
    calls = [
        call._replace(fault=Fault.FORGET) if call.kind == "sync" and number >= start else call
        for number, call in enumerate(told.calls[:end])
    ]
    cutter = Cutter(told, calls, tmp_path / "cut", seed)
    findings = await cutter.cut(end, Survivors.NOTHING)
    assert any("acknowledged rows missing" in finding for finding in findings), findings


@pytest.mark.parametrize("setting", ["OFF", "NORMAL"])
async def test_the_oracle_sees_a_store_that_does_not_sync_its_commits(
    tmp_path: Path, seed: int, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pragmas = database._WRITER_PRAGMAS.replace("synchronous = EXTRA", f"synchronous = {setting}")
    assert pragmas != database._WRITER_PRAGMAS
    monkeypatch.setattr(database, "_WRITER_PRAGMAS", pragmas)
    told = await tell(tmp_path / "joule.db", seed, STEPS, FaultyFiles())
    cutter = Cutter(told, told.calls, tmp_path / "cut", seed)
    findings = [await cutter.cut(mark, Survivors.NOTHING) for mark in told.marks[-30::3]]
    assert any(findings)
