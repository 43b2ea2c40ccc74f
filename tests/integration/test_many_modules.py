"""A hundred modules on one node: started in a moment, cheap while little happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.integration.daemon import wait_until
from tests.integration.modules import add_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

COUNT = 100
READER = """
class Slow(ReaderModule):
    async def run(self, parsed_args, output):
        while not self.stop_requested:
            await output.write(np.array([[time.time_ns() // 1000, 1]]))
            await asyncio.sleep(1)
Slow().start()
"""


@pytest.mark.timeout(240)
def test_a_hundred_modules_start_and_leave_the_node_idle(
    daemon: Daemon, record_property: Callable[[str, object], None]
) -> None:
    for number in range(COUNT):
        outputs = {"output": f"/live/m{number}:float32[x]"}
        add_module(daemon, f"m{number}", READER, outputs=outputs)
    began = time.monotonic()
    daemon.start()
    wait_until(lambda: daemon.ask(all_write), 120, lambda: daemon.text)
    record_property("all write after, s", time.monotonic() - began)
    share = cpu_share(daemon, 10)
    record_property("part of a core", share)
    assert share < 0.15
    modules = daemon.ask(lambda node: node.module_list())
    assert {module.state for module in modules} == {"running"}
    assert {module.restarts for module in modules} == {0}


async def all_write(node: TcpNode) -> bool:
    streams = (await node.folder_get("/live")).data_streams
    infos = [await node.data_stream_info(stream) for stream in streams]
    return len(infos) == COUNT and all(info.rows for info in infos)


def cpu_share(daemon: Daemon, seconds: float) -> float:
    """The part of a core that the node itself takes, its modules not counted."""
    assert daemon.process is not None
    process = psutil.Process(daemon.process.pid)
    before, since = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after = process.cpu_times()
    spent = float(after.user + after.system - before.user - before.system)
    return spent / (time.monotonic() - since)
