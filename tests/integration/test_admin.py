"""``joule admin backup``, ``check``, ``restore``, ``erase`` and a real node that is written to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.api import DataStream, Element
from joule.errors import NodeConnectionError

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

BLOCK = 20_000


def admin(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    command, *rest = words
    return daemon.joule("admin", command, "--data", str(daemon.data), *rest, timeout_s=60)


async def rows_of(node: TcpNode) -> int:
    info = await node.data_stream_info("/load/stream")
    return int(info.rows)


async def write_under_backup(daemon: Daemon, node: TcpNode, file: Path) -> tuple[int, int, int]:
    """Write through a backup and a check: the rows before them, after them, and in the end."""
    elements = [Element(name=f"e{i}", index=i) for i in range(4)]
    stream = await node.data_stream_create(
        DataStream(name="stream", datatype="float32", elements=elements), "/load"
    )
    pipe = await node.data_write(stream)
    blocks = 0
    random = np.random.default_rng(1)

    async def write() -> None:
        nonlocal blocks
        times = np.arange(blocks * BLOCK, (blocks + 1) * BLOCK)[:, None]
        await pipe.write(np.hstack([times, random.normal(size=(BLOCK, 4))]))
        blocks += 1

    async def write_on() -> None:
        while True:
            await write()
            await asyncio.sleep(0.01)

    for _ in range(10):
        await write()
    writing = asyncio.create_task(write_on())
    before = await rows_of(node)
    results = [
        await asyncio.to_thread(admin, daemon, "backup", str(file)),
        await asyncio.to_thread(admin, daemon, "check"),
    ]
    after = await rows_of(node)
    writing.cancel()
    await asyncio.wait([writing])
    await pipe.close()
    for result in results:
        assert result.returncode == 0, (result.stdout, result.stderr)
    return before, after, await rows_of(node)


def test_a_node_under_load_is_backed_up_checked_restored_and_erased(
    daemon: Daemon, tmp_path: Path
) -> None:
    daemon.start()
    file = tmp_path / "saved.db"
    before, after, final = daemon.ask(lambda node: write_under_backup(daemon, node, file))
    assert before < after <= final, "the writer stood still"
    checked = admin(daemon, "check", str(file))
    assert checked.returncode == 0, checked.stdout
    saved = int(checked.stdout.split()[0])
    assert before <= saved <= after

    for command in (["restore", str(file)], ["erase", "--yes"]):
        refused = admin(daemon, *command)
        assert refused.returncode == 1
        assert "stop joule service before running this command" in refused.stderr
    assert daemon.ask(rows_of) == final

    daemon.kill()
    assert admin(daemon, "check").returncode == 0
    assert admin(daemon, "restore", str(file)).returncode == 0
    daemon.start()
    assert daemon.ask(rows_of) == saved
    assert daemon.stop() == 0

    assert admin(daemon, "erase", "--yes").returncode == 0
    daemon.start()

    async def look(node: TcpNode) -> int:
        return len((await node.folder_root()).children)

    assert daemon.ask(look) == 0
    assert daemon.stop() == 0
    with pytest.raises(NodeConnectionError):
        daemon.ask(rows_of)
