"""A random mixed workload on the store: what is done, and the world after each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joule.storage.embedded import EmbeddedEngine
from joule.testing.faults import FaultyFiles
from tests.crash.catalog_steps import CatalogSteps
from tests.crash.event_steps import EventSteps
from tests.crash.row_steps import RowSteps
from tests.crash.steps import Dice
from tests.crash.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from joule.testing.faults import Call
    from tests.crash.steps import Step

WEIGHTS = {
    "append": 8.0,
    "commit": 5.0,
    "make_room": 2.0,
    "insert": 3.0,
    "delete": 2.0,
    "consolidate": 1.5,
    "retain": 0.7,
    "drop": 0.3,
    "decimate": 0.7,
    "maintain": 1.0,
    "events": 2.5,
    "catalog": 1.0,
    "stream": 1.0,
}

TOUR = (
    *["append_few", "seal"] * 4,
    "append_to_all", "commit", "append_to_all", "commit", "insert", "commit", "delete_inside",
    "insert", "stream", "append_to_all", "commit", "consolidate_all", "event_write", "event_update",
    "event_remove", "catalog", "stream", "append_to_all", "make_room", "commit", "maintain",
    "decimate", "append_to_all", "commit", "insert", "insert", "delete_inside", "insert", "insert",
    "retain_last", "drop", "drop", "maintain", "append_to_all", "commit",
    *["maintain"] * 10,
)  # fmt: skip
"""A short story in which everything comes up: chunks are filled, sealed and merged, rows replaced
and let go of, pages freed and given back. ``test_tour.py`` counts that."""


class Author:
    """Thinks of one step after the other, each fit for the world as it is."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed)
        self._nouns = (RowSteps(self._dice), EventSteps(self._dice), CatalogSteps(self._dice))

    def next(self, world: World) -> Step:
        """A step for this world."""
        weights = np.array(list(WEIGHTS.values()))
        name = str(self._dice.random.choice(list(WEIGHTS), p=weights / weights.sum()))
        return self.named(name, world)

    def named(self, name: str, world: World) -> Step:
        """A step of this kind for this world: the method of this name."""
        noun = next(noun for noun in self._nouns if hasattr(noun, name))
        think: Callable[[World], Step] = getattr(noun, name)
        return think(world)


@dataclass(frozen=True)
class Told:
    """A story that was told: ``worlds[i]`` is before step ``i``, which begins at ``marks[i]``."""

    steps: list[Step]
    worlds: list[World]
    marks: list[int]
    calls: list[Call]

    def chapter(self, moment: int) -> int:
        """Number of steps that were over when so many calls were done."""
        return max((i for i, mark in enumerate(self.marks) if mark <= moment), default=0)

    def allowed(self, moment: int) -> list[World]:
        """The worlds that may be found after so many calls, the acknowledged one first."""
        chapter = self.chapter(moment)
        return self.worlds[chapter : chapter + 2]


async def tell(
    path: Path, seed: int, plot: int | Sequence[str], files: FaultyFiles | None = None
) -> Told:
    """Tell a story to a new store and close it; the last two worlds are the same.

    ``plot`` are the names of its steps, or how many there are.
    """
    files = files or FaultyFiles()
    author = Author(seed)
    names = [None] * (plot - 2) + ["commit"] if isinstance(plot, int) else plot
    told = Told([], [World()], [0], files.calls)
    world = World()
    try:
        async with EmbeddedEngine(path, vfs=files.name) as engine:
            for name in ("founding", *names):
                step = author.named(name, world) if name else author.next(world)
                told.steps.append(step)
                step.note(world, await step.act(engine))
                told.worlds.append(world.copy())
                told.marks.append(len(files.calls))
    finally:
        files.unregister()
    return told
