"""A node that works, is killed and starts again, over and over."""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING

import psutil

from tests.crash import load
from tests.crash.load import Acknowledged, Load
from tests.integration.daemon import is_running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.daemon import Daemon

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


def settle(daemon: Daemon, folder: Path) -> Daemon:
    """Start it with streams to write to, a module that counts and one that follows it."""
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
        script = folder / f"{name}.py"
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
