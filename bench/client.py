"""The whole way: ``joule.api`` to a real ``jouled`` over the loopback, beside bare HTTP.

The same bytes go through aiohttp between two processes in the same run, in both directions: what
any node that speaks HTTP has to pay.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

import joule
from bench.bare_http import BarePeer
from bench.data import FEATURES, MAINS
from bench.figures import Figure, Stopwatch
from joule.api import DataStream, Element
from tests.integration.daemon import Daemon

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from bench.data import DataSet
    from joule.api import TcpNode
    from joule.models.layout import Rows

BLOCK = 20_000
WRITE_TARGET, READ_TARGET = 0.12, 0.3


async def run(folder: Path, rows: int, rounds: int) -> list[Figure]:
    """Measure with a node whose data is in ``folder``."""
    figures: list[Figure] = []
    with Daemon(folder) as daemon:
        await asyncio.to_thread(daemon.start)
        async with (
            BarePeer() as peer,
            joule.api.create_tcp_node(daemon.url, daemon.key, "bench") as node,
        ):
            for data in (MAINS, FEATURES):
                figures += await _transfers(node, peer, data, data.rows(rows), rounds)
    return figures


async def _transfers(
    node: TcpNode, peer: BarePeer, data: DataSet, rows: Rows, rounds: int
) -> list[Figure]:
    raw = rows.data.cast("B")
    times: dict[str, list[float]] = {name: [] for name in ("put", "write", "get", "read")}
    path = ""
    await peer.keep(raw)
    for number in range(rounds):
        path = await _create(node, data, number)
        times["put"].append(await _timed(peer.put(raw)))
        times["write"].append(await _timed(_write(node, path, rows)))
        times["get"].append(await _timed(peer.get(len(raw))))
        times["read"].append(await _timed(_read(node, path, len(rows))))
    rate = {name: len(rows) / statistics.median(t) / 1e6 for name, t in times.items()}
    group = f"client, {data.name}"
    unit = "M rows/s"
    written = f"write in blocks of {BLOCK} rows, durable"
    return [
        Figure(group, written, unit, rate["write"], rate["put"], target=WRITE_TARGET),
        Figure(group, "read all", unit, rate["read"], rate["get"], target=READ_TARGET),
        await _second(node, path, rows, group),
        await _overview(node, path, group),
    ]


async def _create(node: TcpNode, data: DataSet, number: int) -> str:
    layout = data.layout
    name = f"{layout} {number}"
    elements = [Element(f"e{index}") for index in range(layout.width)]
    stream = DataStream(name, datatype=layout.datatype, elements=elements)
    await node.data_stream_create(stream, "/bench")
    return f"/bench/{name}"


async def _write(node: TcpNode, path: str, rows: Rows) -> None:
    pipe = await node.data_write(path)
    for at in range(0, len(rows), BLOCK):
        await pipe.write(rows[at : at + BLOCK])
    await pipe.close()


async def _read(node: TcpNode, path: str, count: int) -> None:
    pipe = await node.data_read(path)
    taken = 0
    while not await pipe.is_empty():
        rows = await pipe.read()
        pipe.consume(len(rows))
        taken += len(rows)
    await pipe.close()
    assert taken == count, f"{taken} of {count} rows"


async def _second(node: TcpNode, path: str, rows: Rows, group: str) -> Figure:
    watch = Stopwatch()
    for number in watch.laps(20):
        at = len(rows) * number // 25
        start = int(rows["timestamp"][at])
        end = int(rows["timestamp"][at + 8000])
        assert len(await node.data_read_array(path, start, end, max_rows=None)) == 8000
    return Figure(group, "8000 rows anywhere", "ms", watch.median_s * 1e3)


async def _overview(node: TcpNode, path: str, group: str) -> Figure:
    watch = Stopwatch()
    for _ in watch.laps(20):
        assert len(await node.data_read_array(path, max_rows=2000)) <= 2001
    return Figure(group, "overview in 2000 rows", "ms", watch.median_s * 1e3)


async def _timed(work: Awaitable[object]) -> float:
    start = time.perf_counter()
    await work
    return time.perf_counter() - start
