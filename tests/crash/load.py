"""Mixed load on a node through its API, and what of it the node acknowledged.

Everything runs in one thread of its own until the node is gone. The rows carry their number in
time and value, so what is found later needs no list to be compared with.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import joule
from joule.api import DataStream, Element, Event, EventStream
from joule.errors import JouleError
from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.api import TcpNode

STEP_US = 1000
HOUR_US = 3600 * 10**6
FAST = "/crash/fast"
LATE = "/crash/late"
CUT = "/crash/cut"
KEPT = "/crash/kept"
SLOW = tuple(f"/crash/slow{i}" for i in range(5))
EVENTS = "/crash/events"
LAYOUT = Layout("int64", 2)
FAST_ROWS = 5000
SLOW_ROWS = 5
LATE_ROWS = 40
DELETED_ROWS = 7
PAUSE_S = 0.02


@dataclass
class Acknowledged:
    """What the node has said to have stored, over all its lives."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys((FAST, CUT, KEPT, *SLOW), 0))
    late: int = 0
    deleted: set[int] = field(default_factory=set)
    maybe_deleted: set[int] = field(default_factory=set)
    events: dict[int, int] = field(default_factory=dict)
    event_numbers: int = 0
    total: int = 0
    """All rows and events; ``rows`` also counts those that were found without an answer."""


def batch(first: int, count: int, offset_us: int = 0) -> Any:
    """``count`` rows numbered from ``first``; the number is in time and values."""
    rows = np.zeros(count, LAYOUT.dtype)
    numbers = np.arange(first, first + count)
    rows["data"] = np.stack([numbers, numbers * 3 + offset_us], axis=1)
    rows["timestamp"] = (numbers + 1) * STEP_US + offset_us
    return rows


async def create(node: TcpNode) -> None:
    """Create the streams that are written to."""
    for path in (FAST, LATE, CUT, KEPT, *SLOW):
        name = path.rsplit("/", 1)[1]
        elements = [Element("number"), Element("other")]
        keep_us = HOUR_US if path == KEPT else -1
        stream = DataStream(name, datatype="int64", elements=elements, keep_us=keep_us)
        await node.data_stream_create(stream, "/crash")
    await node.event_stream_create(EventStream("events"), "/crash")


class Load(threading.Thread):
    """Writes, deletes and reads until the node does not answer any more."""

    def __init__(
        self, url: str, key: str, acknowledged: Acknowledged, fast_rows: int = FAST_ROWS
    ) -> None:
        super().__init__(daemon=True)
        self._url, self._key, self._fast_rows = url, key, fast_rows
        self._acknowledged = acknowledged
        self._cancel: Callable[[], object] = lambda: None
        self.faults: list[BaseException] = []

    def run(self) -> None:
        """Thread body."""
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:  # by stop()
            pass
        except BaseException as error:
            self.faults.append(error)

    def stop(self) -> None:
        """End it while the node lives, in the midst of what it does."""
        with suppress(RuntimeError):  # it has ended by itself
            self._cancel()

    async def _run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._cancel = partial(asyncio.get_running_loop().call_soon_threadsafe, task.cancel)
        async with joule.api.create_tcp_node(self._url, self._key) as node:
            work = [self._rows(node, FAST, self._fast_rows)]
            work += [self._deletions(node), self._late(node)]
            work += [self._rows(node, path, SLOW_ROWS) for path in SLOW]
            work += [self._events(node), self._views(node), self._retained(node)]
            async with asyncio.TaskGroup() as group:
                for each in work:
                    group.create_task(self._until_gone(each))

    async def _until_gone(self, work: Any) -> None:
        with suppress(JouleError, OSError, asyncio.IncompleteReadError):  # it was killed
            await work

    async def _rows(self, node: TcpNode, path: str, count: int) -> None:
        """Rows in order, batch after batch, each acknowledged by itself."""
        rows = self._acknowledged.rows
        while True:
            await _write(node, path, batch(rows[path], count))
            rows[path] += count  # only now: the pipe is closed
            self._acknowledged.total += count
            await asyncio.sleep(PAUSE_S)

    async def _retained(self, node: TcpNode) -> None:
        """Rows from long ago, which the node lets go of each time it starts."""
        while True:
            first = self._acknowledged.rows[KEPT]
            await _write(node, KEPT, batch(first, FAST_ROWS))
            self._acknowledged.rows[KEPT] += FAST_ROWS
            self._acknowledged.total += FAST_ROWS

    async def _late(self, node: TcpNode) -> None:
        """Batches that come in the opposite order of their times."""
        while True:
            first = 10**9 - (self._acknowledged.late + 1) * LATE_ROWS
            await _write(node, LATE, batch(first, LATE_ROWS))
            self._acknowledged.late += 1
            self._acknowledged.total += LATE_ROWS

    async def _deletions(self, node: TcpNode) -> None:
        """Rows in order, of which some in the middle are deleted again."""
        done = self._acknowledged
        while True:
            first = done.rows[CUT]
            await _write(node, CUT, batch(first, 100))
            done.rows[CUT] += 100
            done.total += 100
            doomed = set(range(first + 40, first + 40 + DELETED_ROWS))
            done.maybe_deleted |= doomed
            start, end = (min(doomed) + 1) * STEP_US, (max(doomed) + 2) * STEP_US
            await node.data_delete(CUT, start, end)
            done.deleted |= doomed

    async def _events(self, node: TcpNode) -> None:
        done = self._acknowledged
        while True:
            numbers = range(done.event_numbers, done.event_numbers + 5)
            done.event_numbers += 5  # whether they are stored or not
            events = [Event(n * STEP_US, n * STEP_US + 1, {"number": n}) for n in numbers]
            stored = await node.event_stream_write(EVENTS, events)
            done.events.update({event.id: event.content["number"] for event in stored})
            done.total += len(stored)

    async def _views(self, node: TcpNode) -> None:
        """Somebody looks at it all the time."""
        while True:
            await node.data_read_array(FAST, max_rows=500)
            await node.data_intervals(CUT)
            await asyncio.sleep(0.05)


async def _write(node: TcpNode, path: str, rows: Any) -> None:
    pipe = await node.data_write(path)
    try:
        await pipe.write(rows)
    finally:
        await pipe.close()
