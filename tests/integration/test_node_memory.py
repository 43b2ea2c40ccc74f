"""What a node holds in memory does not depend on how much comes, or on who does not take it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from joule.api import DataStream, Element

if TYPE_CHECKING:
    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

BLOCK_ROWS = 50_000
BLOCKS = 100
DATA_MB = BLOCK_ROWS * BLOCKS * 20 / 1e6


def test_an_import_and_clients_that_do_not_read_leave_the_node_small(daemon: Daemon) -> None:
    daemon.start()
    daemon.ask(warm_up)
    before = peak_mb(daemon)
    daemon.ask(import_rows)
    imported = peak_mb(daemon)
    daemon.ask(read_a_little)
    read = peak_mb(daemon)
    # The bounds of node and store together, with room to spare, and well below the data.
    assert imported - before < 70 < DATA_MB, (before, imported)
    assert read - imported < 30, (imported, read)


async def warm_up(node: TcpNode) -> None:
    await write_rows(node, "warm", 2)
    await node.data_read_array("/memory/warm")


async def import_rows(node: TcpNode) -> None:
    await write_rows(node, "long", BLOCKS)


async def read_a_little(node: TcpNode) -> None:
    """Several clients ask for everything and take one block."""
    pipes = [await node.data_read("/memory/long") for _ in range(4)]
    for pipe in pipes:
        assert len(await pipe.read())
    await asyncio.sleep(1)  # for the node to send what it would
    for pipe in pipes:
        await pipe.close()


async def write_rows(node: TcpNode, name: str, blocks: int) -> None:
    elements = [Element(f"e{index}") for index in range(6)]
    stream = DataStream(name, datatype="int16", elements=elements)
    pipe = await node.data_write(await node.data_stream_create(stream, "/memory"))
    rows = np.zeros(BLOCK_ROWS, pipe.dtype)
    rows["data"] = np.random.default_rng(1).integers(-99, 99, (BLOCK_ROWS, 6))
    for number in range(blocks):
        rows["timestamp"] = np.arange(BLOCK_ROWS) + number * BLOCK_ROWS + 1
        await pipe.write(rows)
    await pipe.close()


def peak_mb(daemon: Daemon) -> float:
    """The most memory that the node has had."""
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
