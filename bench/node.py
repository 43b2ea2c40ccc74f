"""A real node with one long stream: the first answers of fresh processes, and its memory.

What a person waits for who opens a plot: a node that has just been started, a script that has just
been started, and then both again. Memory is the node's own peak, of the phase that is named.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiohttp  # noqa: F401  what a script loads is not part of an answer

import joule
import joule.api.reading
from bench.data import MAINS, START_US
from bench.figures import Figure
from joule.api import DataStream, Element
from tests.integration.daemon import Daemon

if TYPE_CHECKING:
    from joule.api import TcpNode

STREAM = "/bench/long"
PART_ROWS = 1_000_000
BLOCK = 50_000
SLOW_BYTES_PER_S = 1_000_000
SLOW_S = 5.0
ROUNDS = 3


async def run(folder: Path, parts: int) -> list[Figure]:
    """Import ``parts`` million rows into a node of ``folder`` and ask it in the ways above."""
    name = f"node with {parts} M rows"
    with Daemon(folder) as daemon:
        await asyncio.to_thread(daemon.start)
        async with joule.api.create_tcp_node(daemon.url, daemon.key, "bench") as node:
            await _import(node, parts)
            imported = _peak_mb(daemon)
            _forget_peak(daemon)
            await _read_slowly(node)
            read = _peak_mb(daemon)
    return [
        Figure(name, "peak memory while importing", "MB", imported),
        Figure(name, "peak memory while a client reads 1 MB/s", "MB", read),
        *await _first_answers(folder, name, parts),
    ]


async def _import(node: TcpNode, parts: int) -> None:
    elements = [Element(f"e{index}") for index in range(MAINS.layout.width)]
    stream = DataStream("long", datatype=MAINS.layout.datatype, elements=elements)
    pipe = await node.data_write(await node.data_stream_create(stream, "/bench"))
    rows = MAINS.rows(PART_ROWS)
    for _ in range(parts):
        for at in range(0, PART_ROWS, BLOCK):
            await pipe.write(rows[at : at + BLOCK])
        rows["timestamp"] += PART_ROWS * MAINS.step_us
    await pipe.close()


async def _read_slowly(node: TcpNode) -> None:
    pipe = await node.data_read(STREAM)
    end = time.monotonic() + SLOW_S
    while time.monotonic() < end:
        rows = await pipe.read()
        pipe.consume(len(rows))
        await asyncio.sleep(rows.nbytes / SLOW_BYTES_PER_S)
    await pipe.close()


# --------------------------------------------------------------------------- first answers


class Question(NamedTuple):
    """Which rows, and how many at most."""

    start: int | None
    end: int | None
    max_rows: int | None


async def _first_answers(folder: Path, name: str, parts: int) -> list[Figure]:
    middle = START_US + parts * PART_ROWS * MAINS.step_us // 2
    questions = {
        "1 s of rows": Question(middle, middle + 1_000_000, None),
        "all in 2000 rows": Question(None, None, 2000),
    }
    figures: list[Figure] = []
    for text, question in questions.items():
        rounds = [await _fresh_round(folder, question) for _ in range(ROUNDS)]
        both, script, again = (statistics.median(times) for times in zip(*rounds, strict=True))
        figures += [
            Figure(name, f"{text}, node and script fresh", "ms", both),
            Figure(name, f"{text}, script fresh", "ms", script),
            Figure(name, f"{text}, again", "ms", again),
        ]
    return figures


async def _fresh_round(folder: Path, question: Question) -> tuple[float, float, float]:
    """Ask a fresh node from a fresh script, then from another one, and that one again; in ms."""
    with Daemon(folder) as daemon:
        await asyncio.to_thread(daemon.start)
        both = await _asked(daemon, question)
        script = await _asked(daemon, question)
    return both[0], script[0], script[-1]


async def _asked(daemon: Daemon, question: Question) -> list[float]:
    """Let a process of its own ask several times; the time of each answer in ms."""
    words = (daemon.url, daemon.key, json.dumps(question))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    times_ms: list[float] = json.loads(out)
    return times_ms


async def _ask(url: str, key: str, question: Question) -> list[float]:
    times_ms: list[float] = []
    async with joule.api.create_tcp_node(url, key, "bench") as node:
        for _ in range(5):
            start = time.perf_counter()
            assert len(await node.data_read_array(STREAM, *question))
            times_ms.append((time.perf_counter() - start) * 1e3)
    return times_ms


# --------------------------------------------------------------------------- memory


def _peak_mb(daemon: Daemon) -> float:
    status = (_proc(daemon) / "status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _forget_peak(daemon: Daemon) -> None:
    (_proc(daemon) / "clear_refs").write_text("5")


def _proc(daemon: Daemon) -> Path:
    assert daemon.process is not None
    return Path(f"/proc/{daemon.process.pid}")


if __name__ == "__main__":
    asked = Question(*json.loads(sys.argv[3]))
    print(json.dumps(asyncio.run(_ask(sys.argv[1], sys.argv[2], asked))))
