"""A file system that fills up under a node: acquisition goes on, and nothing it took is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.api import DataStream, Element, Event, EventStream
from joule.errors import JouleError
from joule.models.layout import Layout
from joule.storage.embedded.checking import check_store
from tests.integration.daemon import Daemon, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from joule.api import TcpNode
    from joule.models.layout import Rows
    from joule.storage.embedded.checking import Finding

pytestmark = pytest.mark.slow

SIZE_MB = 24
COUNTED = "/disk/counted"
WRITTEN = "/disk/written"
EVENTS = "/disk/events"
BLOCK = 20_000
EVENT_COUNT = 20_000
"""More than any room that is left."""

COUNTER = """
import asyncio
import numpy as np
from joule.client import ReaderModule
class Counter(ReaderModule):
    async def run(self, parsed_args, output):
        count = 0
        while not self.stop_requested:
            numbers = np.arange(count, count + 20)
            await output.write(np.column_stack([(numbers + 1) * 1000, numbers]))
            count += 20
            await asyncio.sleep(0.02)
Counter().start()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of ``SIZE_MB``, in memory, for the data of a node."""
    place = tmp_path / "node" / "data"
    place.mkdir(parents=True)
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can make a small file system")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no small file system can be made here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def node(small_disk: Path) -> Iterator[Daemon]:
    with Daemon(small_disk.parent) as daemon:
        daemon.start()
        daemon.ask(create)
        daemon.stop()
        script = small_disk / "counter.py"
        script.write_text(COUNTER)
        (daemon.data / "module_configs" / "counter.conf").write_text(
            f"[Main]\nname = counter\nexec_cmd = {sys.executable} {script}\n"
            f"[Outputs]\noutput = {COUNTED}:int64[number]\n"
        )
        yield daemon.start()


async def create(node: TcpNode) -> None:
    elements = [Element(f"e{i}") for i in range(8)]
    await node.data_stream_create(
        DataStream("written", datatype="float64", elements=elements), "/disk"
    )
    await node.event_stream_create(EventStream("events"), "/disk")


async def write_events(node: TcpNode, count: int) -> None:
    """The client sends many events in several requests."""
    await node.event_stream_write(
        EVENTS, [Event(n, n + 1, {"text": "x" * 100}) for n in range(count)]
    )


def event_count(node: Daemon) -> int:
    return node.ask(lambda ours: ours.event_stream_count(EVENTS))


def noise(first: int) -> Rows:
    """Rows that no encoding makes smaller."""
    rows = np.zeros(BLOCK, Layout("float64", 8).dtype)
    rows["timestamp"] = np.arange(first, first + BLOCK) + 1
    rows["data"] = np.random.default_rng(first).normal(size=(BLOCK, 8))
    return rows


async def write_until_refused(node: TcpNode) -> tuple[int, str]:
    """Write acknowledged blocks; their rows, and what the first refusal says."""
    first = 0
    while first < SIZE_MB * 40_000:
        try:
            pipe = await node.data_write(WRITTEN)
            try:
                await pipe.write(noise(first))
            finally:
                await pipe.close()
        except JouleError as error:
            return first, str(error)
        first += BLOCK
    raise AssertionError("the disk never filled up")


async def rows_of(node: TcpNode, path: str) -> Any:
    return await node.data_read_array(path, max_rows=100_000_000)


def count_of(node: Daemon) -> int:
    rows: int = node.ask(lambda ours: ours.data_stream_info(COUNTED)).rows
    return rows


@pytest.mark.timeout(120)
def test_a_full_disk_is_told_and_survived_and_left_behind_when_there_is_room(
    node: Daemon, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free // 2))
    acknowledged, refusal = node.ask(write_until_refused)
    assert "no room left" in refusal
    assert acknowledged

    def told() -> str | None:
        info = node.ask(lambda ours: ours.info())
        return info.fault

    assert "no room left" in wait_until(told, 20, lambda: node.text)
    assert "no room left" in node.joule("node", "info").stdout
    assert "no room left" in node.text

    counted = count_of(node)
    wait_until(lambda: count_of(node) > counted, 20, "acquisition does not go on")
    with pytest.raises(JouleError, match="no room left"):
        node.ask(lambda ours: again(ours, acknowledged + 10 * BLOCK))

    with pytest.raises(JouleError, match="no room left"):
        node.ask(lambda ours: write_events(ours, EVENT_COUNT))
    stored = event_count(node)
    assert stored < EVENT_COUNT

    ballast.unlink()
    wait_until(lambda: told() is None, 30, lambda: node.text)
    assert "data can be stored again" in node.text
    node.ask(lambda ours: again(ours, acknowledged + 20 * BLOCK))
    node.ask(lambda ours: write_events(ours, 100))
    assert event_count(node) == stored + 100
    check(node, acknowledged)
    node.stop()
    assert findings(node) == []
    node.start()
    check(node, acknowledged)


def findings(node: Daemon) -> list[Finding]:
    """What ``joule admin check`` says of the store."""
    found: list[Finding] = []
    check_store(node.data / "joule.db", found.append)
    return found


async def again(node: TcpNode, first: int) -> None:
    pipe = await node.data_write(WRITTEN)
    try:
        await pipe.write(noise(first))
    finally:
        await pipe.close()


def check(node: Daemon, acknowledged: int) -> None:
    """What was acknowledged is there, and of the module all rows, in unbroken runs."""
    rows = node.ask(lambda ours: rows_of(ours, WRITTEN))
    assert len(np.unique(rows["timestamp"])) == len(rows) > acknowledged
    for first in range(0, acknowledged, BLOCK):
        assert rows[first : first + BLOCK].tobytes() == noise(first).tobytes()
    numbers = node.ask(lambda ours: rows_of(ours, COUNTED))["data"][:, 0]
    steps = np.diff(numbers)
    assert (steps[numbers[1:] > 0] == 1).all(), "rows of the module are lost"
