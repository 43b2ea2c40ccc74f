"""The levels of a stream made from its rows, while others are read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.intervals import Interval
from joule.storage.nilmdb.cascade import Cascade
from joule.storage.nilmdb.reading import RowReader

if TYPE_CHECKING:
    from joule.storage.interfaces import StreamRef
    from joule.storage.nilmdb.gate import Gate
    from joule.storage.nilmdb.levels import Levels


async def make_levels(levels: Levels, stream: StreamRef, gate: Gate) -> None:
    """Make the levels of all rows; there are none of it yet, and nobody else makes them.

    Where rows are rewritten meanwhile, groups begin anew behind what was done.
    """
    path = levels.path(stream, 1)
    extent, rows = await path.extent()
    position, last = extent.start, None
    cascade = Cascade(stream.layout)
    generation = gate.generation
    while rows:
        reader = RowReader(path, Interval(position, extent.end), rows, last)
        while not reader.is_done:
            async with gate.shared():
                if generation != gate.generation:
                    cascade, generation = Cascade(stream.layout), gate.generation
                stretch = await reader.step()
                if stretch is not None:
                    await levels.write(stream, cascade.push(stretch))
        position, last = extent.end, extent.end - 1
        extent, _ = await path.extent()
        rows = await path.count(Interval(position, extent.end))
    await levels.write(stream, cascade.finish())
