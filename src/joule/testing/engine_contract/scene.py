"""The scenes that the sample suites play in: the same story with rows in different places.

Rows may be accepted only, committed, or sealed away in large pieces; whatever is true of a stream
is true in all three. A story is told in units: a unit is one row in the small scenes and several
hundred wide rows in the large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.testing.engine_contract.checks import check_stream, make_rows

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine, SampleStore

STEP_US = 10
"""Distance of neighbouring rows."""


@dataclass(frozen=True)
class Place:
    """Where the rows of a scene end up, the layout and the rows of a unit that bring them there."""

    name: str
    layout: Layout
    unit: int
    commits: bool
    maintains: bool


PLACES = (
    Place("accepted", Layout("float32", 2), 1, commits=False, maintains=False),
    Place("committed", Layout("int16", 3), 1, commits=True, maintains=False),
    Place("sealed", Layout("float64", 64), 400, commits=True, maintains=True),
)


class Scene:
    """One stream of an engine; positions and lengths in units."""

    def __init__(self, engine: Engine, place: Place) -> None:
        self.engine = engine
        self.stream = StreamRef(1, place.layout)
        self._place = place

    @property
    def store(self) -> SampleStore:
        """The store under test."""
        return self.engine.samples

    @property
    def unit(self) -> int:
        """Rows of one unit."""
        return self._place.unit

    def at(self, position: int) -> int:
        """Timestamp of the first row of a unit."""
        return position * self.unit * STEP_US

    def rows(self, start: int, end: int) -> Rows:
        """Rows of the units ``start`` to ``end`` (exclusive)."""
        return make_rows(self.stream.layout, np.arange(self.at(start), self.at(end), STEP_US))

    def run(self, start: int, end: int) -> Interval:
        """Interval of an unbroken run over these units: first row to last row + 1."""
        return Interval(self.at(start), self.at(end) - STEP_US + 1)

    async def append(self, start: int, end: int, *, starts_interval: bool = False) -> None:
        """Append units and bring them to where this scene wants them."""
        self.store.append(self.stream, self.rows(start, end), starts_interval=starts_interval)
        await self.settle()

    async def append_runs(self, *runs: tuple[int, int]) -> None:
        """Append runs of units with breaks between."""
        for start, end in runs:
            await self.append(start, end, starts_interval=True)

    async def insert(
        self, start: int, end: int, *, starts_interval: bool = False, ends_interval: bool = False
    ) -> None:
        """Insert units."""
        rows = self.rows(start, end)
        await self.store.insert(
            self.stream, rows, starts_interval=starts_interval, ends_interval=ends_interval
        )
        await self.settle()

    async def settle(self) -> None:
        """Bring what was accepted to where this scene wants it."""
        if self._place.commits:
            await self.store.commit()
        if self._place.maintains:
            await self.engine.maintain()

    async def expect(self, *runs: tuple[int, int]) -> None:
        """Fail unless the stream holds exactly these runs of units."""
        await check_stream(self.store, self.stream, [self.rows(*run) for run in runs])


def at(scene: Scene, start: int, end: int) -> Interval:
    """Range from the first row of one unit to that of another."""
    return Interval(scene.at(start), scene.at(end))
