"""kill -9 at random moments while rows come in: what was acknowledged is there, once, in order.

``COUNT`` sets how many times, ``SEED`` repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

import joule
from joule.api import DataStream, Element
from joule.errors import JouleError
from joule.models.layout import Layout
from tests.integration.daemon import Daemon, is_running, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from joule.api import TcpNode

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("COUNT", "3"))
SEED = int(os.environ.get("SEED", str(random.randrange(10**6))))

WRITTEN = "/crash/written"
COUNTED = "/crash/counted"
STEP_US = 1000
BATCH = 200

COUNTER = '''
import asyncio
import time
import numpy as np
from joule.client import ReaderModule
class Counter(ReaderModule):
    """Writes 1, 2, 3, ... in blocks, each run from a thousand times the time."""
    async def run(self, parsed_args, output):
        start = time.time_ns() // 1000
        count = 0
        while not self.stop_requested:
            numbers = np.arange(count, count + 50)
            await output.write(np.column_stack([start + numbers * 1000, numbers]))
            count += 50
            await asyncio.sleep(0.05)
Counter().start()
'''


@dataclass
class Writer(threading.Thread):
    """Writes batch after batch through the client and notes what was acknowledged."""

    url: str
    key: str
    first: int
    acknowledged: int = 0
    stopped: bool = False
    faults: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.acknowledged = self.first

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        try:
            asyncio.run(self._write())
        except JouleError:
            pass  # the node was killed
        except BaseException as error:
            self.faults.append(error)

    async def _write(self) -> None:
        async with joule.api.create_tcp_node(self.url, self.key) as node:
            while not self.stopped:
                pipe = await node.data_write(WRITTEN)
                try:
                    await pipe.write(batch(self.acknowledged))
                finally:
                    await pipe.close()
                self.acknowledged += BATCH  # only now: the pipe is closed


def batch(first: int) -> Any:
    """``BATCH`` rows numbered from ``first``; the number is in time and value."""
    rows = np.zeros(BATCH, Layout("int64", 1).dtype)
    rows["data"][:, 0] = np.arange(first, first + BATCH)
    rows["timestamp"] = (rows["data"][:, 0] + 1) * STEP_US
    return rows


async def create(node: TcpNode) -> None:
    stream = DataStream("written", datatype="int64", elements=[Element("number")])
    await node.data_stream_create(stream, "/crash")


async def stored(node: TcpNode, path: str) -> tuple[Any, list[list[int]], int]:
    rows = await node.data_read_array(path, max_rows=100_000_000)
    info = await node.data_stream_info(path)
    return rows, await node.data_intervals(path), info.rows


@pytest.fixture
def node(daemon: Daemon, tmp_path: Path) -> Daemon:
    """A node with a stream to write to and a module that counts."""
    daemon.start()
    daemon.ask(create)
    daemon.stop()
    script = tmp_path / "counter.py"
    script.write_text(COUNTER)
    (daemon.data / "module_configs" / "counter.conf").write_text(
        f"[Main]\nname = counter\nexec_cmd = {sys.executable} {script}\n"
        f"[Outputs]\noutput = {COUNTED}:int64[number]\n"
    )
    return daemon.start()


@pytest.mark.timeout(60 + 60 * COUNT)
def test_nothing_acknowledged_is_lost_or_doubled_whenever_the_node_is_killed(node: Daemon) -> None:
    sys.stderr.write(f"\nSEED={SEED} COUNT={COUNT}\n")
    chance = random.Random(SEED)
    first = acknowledged = 0
    for _ in range(COUNT):
        writer = Writer(node.url, node.key, first)
        writer.start()
        wait_s = chance.uniform(0.2, 3.0)
        time.sleep(wait_s)
        modules = node.kill()
        writer.join(30)
        assert not writer.is_alive()
        assert writer.faults == []
        acknowledged += writer.acknowledged - first
        sys.stderr.write(f"killed after {wait_s:.2f} s, {acknowledged} rows acknowledged so far\n")
        _, alive = psutil.wait_procs(modules, timeout=5)
        assert not [process for process in alive if is_running(process)]
        node.start()
        first = check_written(node, writer.acknowledged)
        check_counted(node)
    assert acknowledged > 0, "no batch was acknowledged: nothing was tested"


def check_written(node: Daemon, acknowledged: int) -> int:
    """Every acknowledged row is there; gives the number of the next row to write."""
    rows, intervals, count = node.ask(lambda ours: stored(ours, WRITTEN))
    numbers = rows["data"][:, 0]
    assert len(rows) >= acknowledged, f"{acknowledged - len(rows)} acknowledged rows are lost"
    # A batch that was not acknowledged may be there in part, but only as a clean tail.
    assert np.array_equal(numbers, np.arange(len(rows)))
    assert np.array_equal(rows["timestamp"], (numbers + 1) * STEP_US)
    assert count == len(rows)
    check_intervals(rows, intervals)
    return len(rows)


def check_counted(node: Daemon) -> None:
    """The rows of each run of the module are there without a hole, in intervals of their own."""

    def begun() -> bool:
        return node.ask(lambda ours: ours.data_stream_info(COUNTED)).rows > 0

    wait_until(begun, 20, lambda: node.text)
    rows, intervals, _ = node.ask(lambda ours: stored(ours, COUNTED))
    cuts = np.searchsorted(rows["timestamp"], [start for start, _ in intervals][1:])
    for run in np.split(rows["data"][:, 0], cuts):
        assert np.array_equal(run, np.arange(len(run)))
    check_intervals(rows, intervals)


def check_intervals(rows: Any, intervals: list[list[int]]) -> None:
    """Times rise, and the intervals have all rows between them, each beginning at one."""
    times = rows["timestamp"]
    assert np.all(np.diff(times) > 0)
    seen = 0
    for start, end in intervals:
        low, high = np.searchsorted(times, [start, end])
        assert times[low] == start
        assert low == seen
        seen = int(high)
    assert seen == len(rows)
