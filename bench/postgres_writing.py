"""Rows into PostgreSQL, five seconds of each stream at a time.

The batches are stored one after the other, both ways; ours also as a node does when they come as
quickly as they are taken: what comes meanwhile is in the next commit. Tables are made before.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from bench.figures import Figure, Stopwatch
from bench.old_way import BATCH_S
from bench.postgres_ways import ours, theirs
from joule.node.clock import SystemClock
from joule.node.group_commit import GroupCommit
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.data import DataSet
    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine
    from joule.testing.postgres import PostgresServer

TARGET: Final = 2.0
BATCHES_MIN: Final = 10
BATCHES_MAX: Final = 100
COMMIT_S: Final = 1.0

Batches = list["Rows"]


async def run(
    server: PostgresServer, data: DataSet, streams: int, rows: int, rounds: int
) -> list[Figure]:
    """Measure with about ``rows`` rows of each of so many streams."""
    first, batches = _batches(data, rows)
    refs = [StreamRef(1 + number, data.layout) for number in range(streams)]
    old, single, node = Stopwatch(), Stopwatch(), Stopwatch()
    for _ in range(rounds):
        async with theirs(server, data, streams) as olds:
            await asyncio.gather(*(stream.insert(first) for stream in olds))
            await _settle()
            for _ in old.laps(1):
                for rows_ in batches:
                    await asyncio.gather(*(stream.insert(rows_) for stream in olds))
        for watch, store in ((single, _one_by_one), (node, _as_a_node)):
            async with ours(server) as engine:
                await _one_by_one(engine, refs, [first])
                await _settle()
                for _ in watch.laps(1):
                    await store(engine, refs, batches)
    stored = streams * sum(map(len, batches))
    of = "" if streams == 1 else f"{streams} streams, "
    return [
        _figure(data, f"write {of}five seconds a batch", stored, single, old),
        _figure(data, f"write {of}as quickly as it is taken", stored, node, old),
    ]


async def _one_by_one(engine: Engine, refs: list[StreamRef], batches: Batches) -> None:
    """Wait for each batch to be stored."""
    for rows in batches:
        for ref in refs:
            engine.samples.append(ref, rows)
        await engine.samples.commit()


async def _as_a_node(engine: Engine, refs: list[StreamRef], batches: Batches) -> None:
    """Let rows come in while others are stored, as many as a node lets wait."""
    commits = GroupCommit(engine.samples, SystemClock(), COMMIT_S)
    running = asyncio.create_task(commits.run())
    for rows in batches:
        for ref in refs:
            await commits.wait_for_room()
            engine.samples.append(ref, rows)
            commits.note_append()
    await commits.flush()
    running.cancel()
    await asyncio.wait([running])


async def _settle() -> None:
    """Let the disk finish what was written before."""
    await asyncio.to_thread(os.sync)


def _batches(data: DataSet, rows: int) -> tuple[Rows, Batches]:
    """Give a first batch, with which all is made that others need, and those that are timed."""
    size = BATCH_S * 10**6 // data.step_us
    count = min(max(rows // size, BATCHES_MIN), BATCHES_MAX)
    ahead = max(BATCHES_MIN, count // 4)
    found = data.rows(size * (ahead + count))
    return found[: size * ahead], list(_cut(found[size * ahead :], size))


def _cut(rows: Rows, size: int) -> Iterator[Rows]:
    for at in range(0, len(rows), size):
        yield rows[at : at + size]


def _figure(data: DataSet, name: str, rows: int, ours_: Stopwatch, old: Stopwatch) -> Figure:
    rates = [rows / watch.median_s for watch in (ours_, old)]
    return Figure(f"postgres, {data.name}", name, "rows/s", rates[0], rates[1], target=TARGET)
