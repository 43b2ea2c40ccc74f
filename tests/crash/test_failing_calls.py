"""Every call to the device fails once, in every way it can be told of, in a mixed workload.

At the fault the process may be killed, or it goes on: both times what was acknowledged is there,
what failed is there as a whole or not at all, and what is tried again succeeds.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageError
from joule.storage.embedded import EmbeddedEngine
from joule.testing.faults import REPORTED, FaultyFiles
from tests.crash.conftest import scaled, spread
from tests.crash.story import TOUR, tell
from tests.crash.world import World, compare, examine

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from joule.testing.faults import Fault
    from tests.crash.steps import Step
    from tests.crash.story import Told

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_store")]

FAULTS = scaled(20, 120)
STEPS_AFTERWARDS = 4
SUFFIXES = ("", "-wal", "-journal")


class Trial:
    """The story once more, with one call that fails."""

    def __init__(self, told: Told, folder: Path, number: int, fault: Fault) -> None:
        self.findings: list[str] = []
        self._told = told
        self._files = FaultyFiles({number: fault})
        self._files.on_fault = lambda _: self._keep("killed")
        self._path = folder / "trial" / "joule.db"
        self._path.parent.mkdir()
        self._kept: dict[str, Path] = {}
        self._number = number
        self._world = World()

    async def run(self) -> None:
        """Tell the story; ``findings`` lists what contradicts it."""
        try:
            await self._tell()
        finally:
            self._files.unregister()
        self._note("afterwards", await examine(self._path, [self._world]))
        allowed = self._told.allowed(self._number)
        for name, path in self._kept.items():
            self._note(name, await examine(path, allowed))
        shutil.rmtree(self._path.parent)

    async def _tell(self) -> None:
        # The store may close with an error when the fault comes as late as that.
        engine = EmbeddedEngine(self._path, vfs=self._files.name)
        try:
            await engine.__aenter__()
        except StorageError:
            self._keep("not opened")
            engine = EmbeddedEngine(self._path, vfs=self._files.name)
            await engine.__aenter__()
        try:
            await self._steps(engine)
        finally:
            try:
                await engine.__aexit__(None, None, None)
            except StorageError:
                self._keep("not closed")

    async def _steps(self, engine: EmbeddedEngine) -> None:
        last = min(self._told.chapter(self._number) + STEPS_AFTERWARDS, len(self._told.steps))
        for step in self._told.steps[:last]:
            await self._step(engine, step)
        await engine.samples.commit()
        self._world.committed()

    async def _step(self, engine: EmbeddedEngine, step: Step) -> None:
        try:
            result = await step.act(engine)
        except StorageError:
            self._keep("failed")
            self._note("going on", await compare(engine, [self._world]))
            result = await step.act(engine)
        step.note(self._world, result)

    def _keep(self, name: str) -> None:
        """Copy the files as they would be found if the process ended now."""
        folder = self._path.parent / name
        if folder.exists():
            return
        folder.mkdir()
        self._kept[name] = folder / self._path.name
        for suffix in SUFFIXES:
            file = self._path.with_name(self._path.name + suffix)
            if file.exists():
                shutil.copy(file, folder)

    def _note(self, when: str, findings: list[str]) -> None:
        self.findings += [f"{when}: {finding}" for finding in findings]


@pytest.mark.timeout(60 + 4 * FAULTS)
async def test_any_call_may_fail_and_nothing_that_was_acknowledged_is_lost_or_doubled(
    tmp_path: Path, seed: int, figures: Counter[str]
) -> None:
    """Every call of the tour with ``COUNT=300``, in each way that is told; else some of each."""
    path = tmp_path / "story" / "joule.db"
    path.parent.mkdir()
    told = await tell(path, seed, TOUR)
    chosen = spread(told.calls, REPORTED, FAULTS)
    for number, fault in chosen:
        trial = Trial(told, tmp_path, number, fault)
        await trial.run()
        call = told.calls[number]
        where = f"SEED={seed}, call {number} ({call.kind} {call.path[-6:]}), {fault.name}"
        assert trial.findings == [], where
        figures[f"{call.kind} calls that {fault.name}"] += 1
