"""kill -9 at random moments under mixed load: what was acknowledged is there, once, in order.

``COUNT`` sets how many times, ``SEED`` repeats a run. The node keeps its data from life to life.
"""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from joule.errors import JouleError
from joule.storage.embedded.checking import check_store
from tests.crash import load
from tests.crash.conftest import scaled
from tests.crash.load import CUT, EVENTS, FAST, KEPT, LATE, SLOW, STEP_US, Acknowledged, Load, batch
from tests.integration.daemon import Daemon, is_running, wait_until

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from joule.api import TcpNode

pytestmark = pytest.mark.slow

KILLS = scaled(1 / 3, 2)
EVERYTHING_EVERY = 10
COUNTED, FILTERED = "/crash/counted", "/crash/filtered"

COUNTER = '''
import asyncio
import time
import numpy as np
from joule.client import ReaderModule
class Counter(ReaderModule):
    """Writes 0, 1, 2, ... in blocks, each run from a thousand times the time."""
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
FILTER = '''
from joule.client import FilterModule
class Same(FilterModule):
    """Passes on what comes."""
    async def run(self, parsed_args, inputs, outputs):
        while not self.stop_requested:
            rows = await inputs["input"].read()
            inputs["input"].consume(len(rows))
            await outputs["output"].write(rows)
            if inputs["input"].end_of_interval:
                await outputs["output"].close_interval()
Same().start()
'''


@pytest.fixture
def node(daemon: Daemon, tmp_path: Path) -> Daemon:
    """A node with streams to write to, a module that counts and one that follows it."""
    daemon.start()
    daemon.ask(load.create)
    daemon.stop()
    pipes = {
        "counter": (COUNTER, f"[Outputs]\noutput = {COUNTED}:int64[number]\n"),
        "filter": (
            FILTER,
            f"[Inputs]\ninput = {COUNTED}\n[Outputs]\noutput = {FILTERED}:int64[number]\n",
        ),
    }
    for name, (code, connections) in pipes.items():
        script = tmp_path / f"{name}.py"
        script.write_text(code)
        (daemon.data / "module_configs" / f"{name}.conf").write_text(
            f"[Main]\nname = {name}\nexec_cmd = {sys.executable} {script}\n{connections}"
        )
    return daemon.start()


class Lives:
    """The node's lives, each ended by SIGKILL, and what it has acknowledged over all of them."""

    def __init__(self, node: Daemon, seed: int) -> None:
        self.node = node
        self.acknowledged = Acknowledged()
        self._chance = random.Random(seed)
        self._orphans: list[psutil.Process] = []

    def live(self) -> None:
        """Let the node work for a random while, kill it and start it again."""
        work = Load(self.node.url, self.node.key, self.acknowledged)
        work.start()
        time.sleep(self._chance.uniform(0.05, 1.5))
        self._kill()
        work.join(30)
        assert not work.is_alive()
        assert work.faults == []
        if self._chance.random() < 0.15:
            self._kill_at_the_start()
        self.node.start()

    def _kill_at_the_start(self) -> None:
        self.node.spawn()
        time.sleep(self._chance.uniform(0, 0.8))
        self._kill()

    def _kill(self) -> None:
        self.check_orphans()
        self._orphans = self.node.kill()

    def check_orphans(self) -> None:
        """The modules of the life before have ended, while the node was already back."""
        _, alive = psutil.wait_procs(self._orphans, timeout=5)
        assert not [process for process in alive if is_running(process)], "modules live on"


@pytest.mark.blocks_loop  # the last comparison is of millions of rows in one go
@pytest.mark.timeout(90 + 15 * KILLS)
def test_nothing_acknowledged_is_lost_or_doubled_whenever_the_node_is_killed(
    node: Daemon, seed: int, figures: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR", "joule.api")  # it warns of rows that retention will remove
    print(f"SEED={seed}")  # noqa: T201 - shown when it fails
    lives = Lives(node, seed)
    done = lives.acknowledged
    for number in range(KILLS):
        before = dict(done.rows)
        lives.live()
        is_last = number == KILLS - 1
        check(node, done, before)
        if is_last or number % EVERYTHING_EVERY == 0:
            check_everything(node, done)
        figures["kills survived"] += 1
    figures["rows and events that were acknowledged"] += done.total
    assert done.total, "nothing was acknowledged: nothing was tested"
    wait_until(lambda: node.ask(lambda ours: has_rows(ours, FILTERED)), 20, lambda: node.text)
    lives.check_orphans()
    assert node.stop() == 0
    findings: list[Any] = []
    check_store(node.data / "joule.db", findings.append)
    assert findings == []
    figures["bytes of the store"] = (node.data / "joule.db").stat().st_size


async def has_rows(node: TcpNode, path: str) -> bool:
    try:
        return (await node.data_stream_info(path)).rows > 0
    except JouleError:  # the module has not made its stream yet
        return False


def check(node: Daemon, done: Acknowledged, since: dict[str, int]) -> None:
    """Compare what is stored with what was acknowledged, from rows with these numbers on."""

    async def checks(ours: TcpNode) -> None:
        for path in (FAST, *SLOW):
            done.rows[path] = await check_rows(ours, path, done.rows[path], since[path])
        await check_cut(ours, done, since[CUT])
        await check_kept(ours, done)
        await check_late_count(ours, done)

    node.ask(checks)


def check_everything(node: Daemon, done: Acknowledged) -> None:
    """Compare all that is stored with what was acknowledged."""
    check(node, done, dict.fromkeys(done.rows, 0))

    async def checks(ours: TcpNode) -> None:
        await check_late(ours, done)
        await check_events(ours, done)
        for path in (COUNTED, FILTERED):
            if await has_rows(ours, path):
                await check_live(ours, path)

    node.ask(checks)


async def check_rows(node: TcpNode, path: str, acknowledged: int, since: int) -> int:
    """Every acknowledged row is there; gives the number of the next row to write."""
    count = (await node.data_stream_info(path)).rows
    assert count >= acknowledged, f"{path}: {acknowledged - count} acknowledged rows are lost"
    if count:
        rows = await rows_of(node, path, since)
        # A batch that was not acknowledged may be there in part, but only as a clean tail.
        assert rows.tobytes() == batch(since, count - since).tobytes(), path
        check_intervals(rows, await node.data_intervals(path, (since + 1) * STEP_US))
    return count


async def rows_of(node: TcpNode, path: str, since: int = 0) -> Any:
    """All rows from a number on."""
    try:
        return await node.data_read_array(path, (since + 1) * STEP_US, max_rows=None)
    except JouleError:  # there are none
        return batch(0, 0)


async def check_cut(node: TcpNode, done: Acknowledged, since: int) -> None:
    """Acknowledged rows are there, deleted ones are not, and a break is in their place."""
    rows = await rows_of(node, CUT, since)
    numbers = rows["data"][:, 0].tolist()
    assert len(set(numbers)) == len(numbers)
    assert not done.deleted.intersection(numbers), "deleted rows are there again"
    missing = set(range(since, done.rows[CUT])).difference(numbers)
    assert missing <= done.maybe_deleted, "acknowledged rows are lost"
    check_intervals(rows, await node.data_intervals(CUT, (since + 1) * STEP_US))
    done.rows[CUT] = max([done.rows[CUT] - 1, *numbers]) + 1


async def check_late_count(node: TcpNode, done: Acknowledged) -> None:
    """All batches written backwards are there, each as a whole."""
    batches, rest = divmod((await node.data_stream_info(LATE)).rows, load.LATE_ROWS)
    assert rest == 0, "a late batch is there in part"
    assert batches >= done.late, "acknowledged late rows are lost"
    done.late = batches


async def check_late(node: TcpNode, done: Acknowledged) -> None:
    """Batches written backwards are there, each in an interval of its own."""
    rows = await rows_of(node, LATE)
    assert rows.tobytes() == batch(10**9 - len(rows), len(rows)).tobytes()
    if len(rows):
        assert len(await node.data_intervals(LATE)) == done.late


async def check_kept(node: TcpNode, done: Acknowledged) -> None:
    """What retention has left is the end of what was written."""
    rows = await rows_of(node, KEPT)
    if len(rows):
        first = int(rows["data"][0, 0])
        assert rows.tobytes() == batch(first, len(rows)).tobytes()
        assert first + len(rows) >= done.rows[KEPT], "acknowledged rows are lost"
        done.rows[KEPT] = first + len(rows)
    else:
        done.rows[KEPT] += load.FAST_ROWS  # some of the last batch may have been there


async def check_events(node: TcpNode, done: Acknowledged) -> None:
    """Acknowledged events are there with their ids; no event is there twice."""
    found = await node.event_stream_read_list(EVENTS, limit=10**7)
    stored = {event.id: event.content["number"] for event in found}
    assert len(set(stored.values())) == len(found), "an event is doubled"
    assert done.events.items() <= stored.items(), "acknowledged events are lost or changed"


async def check_live(node: TcpNode, path: str) -> None:
    """The rows of each life are there without a hole, with one break between two lives."""
    rows = await node.data_read_array(path, max_rows=None)
    intervals = await node.data_intervals(path)
    numbers = rows["data"][:, 0]
    lives = np.flatnonzero(np.diff(numbers) != 1) + 1
    assert (np.diff(numbers)[lives - 1] < 0).all(), f"{path}: rows are missing within a life"
    assert len(intervals) == len(lives) + 1, f"{path}: not one break for each crash"
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
