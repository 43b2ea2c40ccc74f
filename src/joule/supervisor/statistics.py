"""What processes cost, children included: one short sample for all of them, off the event loop."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from joule.models.modules import ModuleStatistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAMPLE_S = 0.2


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU by process, part of the machine's memory, and when the session leader began.

    A process is a pid with its start time, so that a pid used again is not taken for the old one.
    """

    cpu_s: Mapping[tuple[int, float], float]
    memory_percent: float
    create_time: float


async def measure(
    leaders: Iterable[int], sample_s: float = SAMPLE_S
) -> dict[int, ModuleStatistics]:
    """Give the statistics of the sessions that these pids lead; those that ended are absent."""
    pids = frozenset(leaders)
    if not pids:
        return {}
    loop = asyncio.get_running_loop()
    before, began = await asyncio.to_thread(usage, pids), loop.time()
    await asyncio.sleep(sample_s)
    after = await asyncio.to_thread(usage, pids)
    return compare(before, after, loop.time() - began)


def compare(
    before: Mapping[int, Usage], after: Mapping[int, Usage], seconds: float
) -> dict[int, ModuleStatistics]:
    """Make statistics of two looks at the same sessions; a new process counts from its start."""
    out: dict[int, ModuleStatistics] = {}
    for pid in before.keys() & after.keys():
        old, new = before[pid], after[pid]
        spent = sum(cpu - old.cpu_s.get(process, 0.0) for process, cpu in new.cpu_s.items())
        percent = 100.0 * spent / seconds
        pids = tuple(sorted(process for process, _ in new.cpu_s))
        out[pid] = ModuleStatistics(pid, new.create_time, percent, new.memory_percent, pids)
    return out


def usage(leaders: frozenset[int]) -> dict[int, Usage]:
    """Look at all processes of the sessions that these pids lead (blocking)."""
    members: dict[int, list[int]] = {}
    for pid in psutil.pids():
        leader = _session(pid)
        if leader in leaders:
            members.setdefault(leader, []).append(pid)
    looks = {leader: _usage_of(leader, pids) for leader, pids in members.items()}
    return {leader: look for leader, look in looks.items() if look is not None}


def _usage_of(leader: int, pids: list[int]) -> Usage | None:
    cpu_s: dict[tuple[int, float], float] = {}
    memory_percent, create_time = 0.0, None
    for pid in pids:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times, began = process.cpu_times(), process.create_time()
                memory_percent += process.memory_percent()
        except psutil.Error:
            continue  # it ended while we looked
        cpu_s[pid, began] = times.user + times.system
        create_time = began if pid == leader else create_time
    return None if create_time is None else Usage(cpu_s, memory_percent, create_time)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0
