"""Decimation while rows come in: four rows make a group, four groups one of the next level.

Pure values and arithmetic. A level is not written for each group: groups wait until a request is
worth it. What waits is lost with the process and is computed anew from the level below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from joule.models.decimation import FACTOR, concat, reduce, regroup
from joule.models.intervals import Interval
from joule.models.layout import joined

if TYPE_CHECKING:
    from joule.models.decimation import Array, Groups
    from joule.models.layout import Layout, Rows
    from joule.storage.stretch import Stretch

WORTH_GROUPS: Final = 64
"""So many groups of a level are worth a request."""
WORTH_AT_BREAK: Final = 4
"""As many are, when no others can come: at the end of an interval."""


class Run(NamedTuple):
    """Consecutive groups of a level and the time of the rows behind them.

    ``starts`` has the first row of each group, ``ends`` one more than its last row.
    """

    groups: Groups
    starts: Array
    ends: Array

    def __len__(self) -> int:
        return len(self.groups)

    def part(self, start: int, end: int) -> Run:
        """Give the groups with the indices ``[start, end)``."""
        return Run(self.groups[start:end], self.starts[start:end], self.ends[start:end])


class LevelRows(NamedTuple):
    """Rows to be written to a level, and the time of the rows behind them."""

    level: int
    interval: Interval
    rows: Rows


@dataclass(slots=True)
class _Rung:
    """A level: ``end`` of the rows behind what is written of this interval, what is to be written.

    ``children`` are groups of the level below that wait to be four.
    """

    level: int
    end: int | None = None
    waiting: list[Run] = field(default_factory=list)
    children: Run | None = None

    def take(self, children: Run) -> Run | None:
        """Take groups of the level below; give the groups that are complete with them."""
        known = children if self.children is None else _joined([self.children, children])
        whole = len(known) // FACTOR * FACTOR
        self.children = known.part(whole, len(known)) if whole < len(known) else None
        if not whole:
            return None
        full = known.part(0, whole)
        groups = regroup(full.groups, FACTOR)
        found = Run(groups, full.starts[::FACTOR], full.ends[FACTOR - 1 :: FACTOR])
        self.waiting.append(found)
        return found

    @property
    def waiting_groups(self) -> int:
        """Number of groups to be written."""
        return sum(map(len, self.waiting))

    def due(self) -> LevelRows:
        """Give what waits, at least one group, as written."""
        run = _joined(self.waiting)
        start = int(run.starts[0]) if self.end is None else self.end
        self.end = int(run.ends[-1])
        self.waiting = []
        return LevelRows(self.level, Interval(start, self.end), run.groups.to_rows())


class Cascade:
    """The levels of one stream, as far as they are not at the server."""

    def __init__(self, layout: Layout) -> None:
        self._rows = layout.empty()
        self._rungs: list[_Rung] = []

    def push(self, stretch: Stretch) -> list[LevelRows]:
        """Take the next rows; give what is to be written."""
        found: list[LevelRows] = []
        for run in stretch.runs():
            if run.starts_interval:
                found += self._end()
            self._push(run.rows)
            found += self._due(WORTH_GROUPS)
        return found

    def finish(self) -> list[LevelRows]:
        """Give all that waits; nothing can be pushed afterwards."""
        return self._due(1)

    def restore(self, level: int, end: int | None, children: Run | None) -> None:
        """Go on with a level that is written up to ``end``; those above it come before it.

        ``children`` are groups of the level below that are behind ``end`` and are written.
        """
        rung = self._rung(level)
        rung.end = end
        if children is not None:
            self._climb(children, level)

    def _push(self, rows: Rows) -> None:
        known = joined([self._rows, rows]) if len(self._rows) else rows
        whole = len(known) // FACTOR * FACTOR
        self._rows = known[whole:]
        if whole:
            times = known["timestamp"][:whole]
            groups = reduce(known[:whole], FACTOR)
            run = Run(groups, times[::FACTOR].copy(), times[FACTOR - 1 :: FACTOR] + 1)
            self._rung(FACTOR).waiting.append(run)
            self._climb(run, FACTOR * FACTOR)

    def _climb(self, run: Run | None, level: int) -> None:
        while run is not None:
            run = self._rung(level).take(run)
            level *= FACTOR

    def _rung(self, level: int) -> _Rung:
        while not self._rungs or self._rungs[-1].level < level:
            self._rungs.append(_Rung(FACTOR ** (len(self._rungs) + 1)))
        return next(rung for rung in self._rungs if rung.level == level)

    def _due(self, worth: int) -> list[LevelRows]:
        """Give what waits where it is worth it, and below that, so that no level is ahead."""
        top = max((r.level for r in self._rungs if r.waiting_groups >= worth), default=0)
        return [rung.due() for rung in self._rungs if rung.waiting and rung.level <= top]

    def _end(self) -> list[LevelRows]:
        """Let go of what cannot be completed: an interval has ended."""
        found = self._due(WORTH_AT_BREAK)
        self._rows = self._rows[:0]
        self._rungs = []
        return found


def _joined(runs: list[Run]) -> Run:
    return Run(
        concat([run.groups for run in runs]),
        np.concatenate([run.starts for run in runs]),
        np.concatenate([run.ends for run in runs]),
    )
