"""What an idle node costs: it waits for events and does not look whether there are any."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.daemon import Daemon

WATCHED_S = 4.0
"""Less than half of the time between two rounds of upkeep."""

WAKEUPS_MAX = 3
"""Fewer than looking once a second whether there is something to do."""


def wakeups(pid: int) -> int:
    """How often the threads of a process have waited for something and gone on."""
    return sum(_waits(task / "status") for task in Path(f"/proc/{pid}/task").iterdir())


def _waits(status: Path) -> int:
    return int(status.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def test_an_idle_node_sleeps(daemon: Daemon) -> None:
    process = daemon.start().process
    assert process is not None
    found: list[int] = []
    for _ in range(4):  # the end of the start and a round of upkeep do not count
        before = wakeups(process.pid)
        time.sleep(WATCHED_S)
        found.append(wakeups(process.pid) - before)
        if found[-1] <= WAKEUPS_MAX:
            return
    raise AssertionError(f"an idle node woke up {found} times in {WATCHED_S:g} s each")
