"""The target of an import: what is in it before, and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.models.streams import DataStream, Element

if TYPE_CHECKING:
    from joule.node import LocalNode
    from tests.unit.node.archives.joule_1_0 import Row

PATH = "/mirror/s"
ROWS: list[Row] = [(time, time + 0.5, -time) for time in range(1, 11)]


async def plant(node: LocalNode, *rows: Row) -> DataStream:
    """Store rows in the target before anything is imported."""
    stream = DataStream("s", datatype="float32", elements=[Element("x"), Element("y")])
    made = await node.catalog.create_stream(stream, "/mirror")
    await append(node, made, *rows)
    return made


async def append(node: LocalNode, stream: DataStream, *rows: Row, gap_us: int = 0) -> None:
    packed = np.array([(t, (x, y)) for t, x, y in rows], dtype=Layout("float32", 2).dtype)
    async with await node.data.open_writer(stream, merge_gap_us=gap_us) as writer:
        await writer.write(packed)


async def rows_in(node: LocalNode, path: str = PATH) -> list[tuple[float, ...]]:
    reading = await node.data.read(node.catalog.data_stream(path))
    return [(int(t), *map(float, data)) async for b in reading.blocks for t, data in b.rows]


async def runs_in(node: LocalNode, path: str = PATH) -> list[tuple[int, int]]:
    """First and last timestamp of each interval."""
    found = await node.data.intervals(node.catalog.data_stream(path), ALL_TIME)
    return [(start, end - 1) for start, end in found]
