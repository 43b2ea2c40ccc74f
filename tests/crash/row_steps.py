"""Steps of a story that have to do with rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.models.intervals import ALL_TIME, Interval
from tests.crash.steps import GRID_US, Step, nothing
from tests.crash.world import FAST, SLOW, STREAMS, WIDE, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.storage.interfaces import Engine, StreamRef
    from joule.testing.store_model import StoreModel
    from tests.crash.steps import Dice
    from tests.crash.world import World

FEW = SLOW[0]
"""Its rows are brought into chunks a few at a time."""


class RowSteps:
    """Thinks of rows that come and go."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._tips = {stream.id: 0 for stream in STREAMS}

    def append(self, _world: World) -> Step:
        """Rows of several streams, behind their last ones."""
        chosen = [stream for stream in STREAMS if self._dice.flag(0.6)] or [FAST]
        return self._append(
            [(stream, self._behind(stream), self._dice.flag(0.3)) for stream in chosen]
        )

    def append_to_all(self, _world: World) -> Step:
        """Many rows of all streams, each an interval of its own."""
        return self._append([(stream, self._behind(stream, 0.5), True) for stream in STREAMS])

    def append_few(self, _world: World) -> Step:
        """A few rows of one stream."""
        return self._append([(FEW, self._behind(FEW, 1.0), False)])

    def seal(self, world: World) -> Step:
        """These rows are brought into a chunk, since somebody might delete some of them."""
        last = world.streams[FEW.id].times[-1]
        return self._delete(FEW, Interval(last + 1, last + 2))

    def _append(self, parts: Sequence[tuple[StreamRef, dict[int, int], bool]]) -> Step:

        async def act(engine: Engine) -> None:
            for stream, values, flag in parts:
                engine.samples.append(stream, rows_of(stream, values), starts_interval=flag)

        def note(world: World, _: Any) -> None:
            for stream, values, flag in parts:
                world.streams[stream.id].add(values, before=flag, behind=False)

        return Step("append", act, note)

    def _behind(self, stream: StreamRef, share: float = 0.0) -> dict[int, int]:
        """New rows: any number up to the most for this stream, at least this share of it."""
        most = {FAST: 250, WIDE: 60}.get(stream, 4)
        least = max(1, round(most * share))
        start = self._tips[stream.id] + int(self._dice.random.integers(1, 4))
        self._tips[stream.id] = end = start + int(self._dice.random.integers(least, most + 1))
        salt = self._dice.salt()
        return dict.fromkeys(range(start * GRID_US, end * GRID_US, GRID_US), salt)

    def commit(self, _world: World) -> Step:
        """A group commit."""
        return Step(
            "commit", lambda engine: engine.samples.commit(), lambda world, _: world.committed()
        )

    def make_room(self, _world: World) -> Step:
        """A part of what waits is stored, and nothing is said about which."""
        return Step("make_room", lambda engine: engine.samples.make_room(), nothing)

    def insert(self, world: World) -> Step:
        """Late rows, between others or before them."""
        stream = self._stream()
        start = self._range(world.streams[stream.id]).start // GRID_US
        salt = self._dice.salt()
        count, stride = (int(n) for n in self._dice.random.integers(1, (80, 3)))
        end = min(start + count * stride, self._tips[stream.id])
        times = range(start, max(end, start + 1), stride)
        values = {time * GRID_US + salt: salt for time in times}
        flags = {"starts_interval": self._dice.flag(), "ends_interval": self._dice.flag()}

        def note(world: World, _: Any) -> None:
            before, behind = flags.values()
            world.streams[stream.id].add(values, before=before, behind=behind)
            world.inserted(stream.id, values)

        self._tips[stream.id] = max(self._tips[stream.id], times[-1] + 1)
        return Step(
            "insert", lambda e: e.samples.insert(stream, rows_of(stream, values), **flags), note
        )

    def delete(self, world: World) -> Step:
        """A range of rows."""
        stream = self._stream()
        return self._delete(stream, self._range(world.streams[stream.id]))

    def delete_inside(self, world: World) -> Step:
        """Rows from the middle of a stream."""
        times = world.streams[FAST.id].times
        return self._delete(FAST, Interval(times[len(times) // 2], times[len(times) * 3 // 4]))

    def _delete(self, stream: StreamRef, bounds: Interval) -> Step:
        def note(world: World, removed: int) -> None:
            doomed = world.streams[stream.id].inside(bounds)
            assert removed == len(doomed), "another number of rows was deleted"
            world.streams[stream.id].remove(doomed)

        return Step("delete", lambda engine: engine.samples.delete(stream, bounds), note)

    def consolidate(self, world: World) -> Step:
        """Small gaps of a range."""
        stream = self._stream()
        bounds = self._range(world.streams[stream.id])
        return self._consolidate(stream, bounds, int(self._dice.random.integers(3000)))

    def consolidate_all(self, _world: World) -> Step:
        """All gaps of a stream."""
        return self._consolidate(FAST, ALL_TIME, 10**9)

    def _consolidate(self, stream: StreamRef, bounds: Interval, gap: int) -> Step:
        def note(world: World, closed: int) -> None:
            model = world.streams[stream.id]
            known = set(model.inside(bounds))
            inside = [pair for pair in model.breaks if known.issuperset(pair)]
            gone = {(left, right) for left, right in inside if right - left - 1 <= gap}
            assert closed == len(gone), "another number of gaps was closed"
            model.breaks -= gone

        return Step("consolidate", lambda e: e.samples.consolidate(stream, bounds, gap), note)

    def retain(self, world: World) -> Step:
        """What is old goes, by whole chunks."""
        stream = (FAST, WIDE, SLOW[0])[int(self._dice.random.integers(3))]
        return self._retain(stream, self._range(world.streams[stream.id]).start)

    def retain_last(self, world: World) -> Step:
        """All but the youngest chunk of a stream goes."""
        return self._retain(FAST, world.streams[FAST.id].times[-1])

    def _retain(self, stream: StreamRef, before: int) -> Step:
        def note(world: World, removed: int) -> None:
            model = world.streams[stream.id]
            due = [time for time in model.times if time < before]
            assert removed <= len(due), "rows were let go that are to be kept"
            model.remove(due[:removed])

        return Step("retain", lambda engine: engine.samples.retain(stream, before), note)

    def drop(self, _world: World) -> Step:
        """A stream is deleted."""
        stream = self._stream()

        def note(world: World, _: Any) -> None:
            model = world.streams[stream.id]
            model.values.clear()
            model.breaks.clear()

        return Step("drop", lambda engine: engine.samples.drop([stream.id]), note)

    def decimate(self, _world: World) -> Step:
        """The stored groups go and come again."""
        stream = self._stream()

        async def act(engine: Engine) -> None:
            await engine.samples.drop_decimations(stream)
            await engine.samples.decimate(stream)

        return Step("decimate", act, nothing)

    def maintain(self, _world: World) -> Step:
        """Housekeeping."""
        return Step("maintain", lambda engine: engine.maintain(), nothing)

    def _stream(self) -> StreamRef:
        return STREAMS[int(self._dice.random.integers(len(STREAMS)))]

    def _range(self, model: StoreModel) -> Interval:
        times = model.times or [0, GRID_US]
        span = times[-1] - times[0] + 20
        low, high = sorted(self._dice.random.uniform(-0.1, 1.1, 2))
        return Interval(times[0] + round(span * low), times[0] + round(span * high) + 1)
