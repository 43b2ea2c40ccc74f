"""Large streams into files: in little memory, and nothing half-written when it is stopped."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from joule.api import DataStream, Element
from tests.integration.data_rows import START

if TYPE_CHECKING:
    from pathlib import Path

    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

MEASURED = """
import re, sys
from joule.cli import main
try:
    main()
finally:
    status = open("/proc/self/status").read()
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def large(shared: Daemon) -> str:
    """A stream of five million rows (80 MB)."""

    async def fill(node: TcpNode) -> None:
        wanted = DataStream("data", elements=[Element("a"), Element("b")])
        stream = await node.data_stream_create(wanted, "/large")
        block: Any = np.zeros(500_000, stream.rows_layout.dtype)
        async with await node.data_write(stream) as pipe:
            for index in range(10):
                block["timestamp"] = START + 100 * (np.arange(500_000) + index * 500_000)
                block["data"][:, 0] = np.arange(500_000)
                await pipe.write(block)

    shared.ask(fill)
    return "/large/data"


@pytest.mark.parametrize("suffix", ["npy", "h5", "parquet"])
def test_a_large_stream_goes_into_a_file_in_little_memory(
    shared: Daemon, large: str, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"rows.{suffix}"
    result = subprocess.run(
        [sys.executable, "-c", MEASURED, "data", "read", "-f", str(file), large],
        env=shared.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stderr.splitlines()[-1]) < 250 * 1024  # KiB; the rows alone are 78 MiB
    if suffix == "npy":
        assert len(np.load(file, mmap_mode="r")) == 5_000_000
    if suffix == "h5":
        with h5py.File(file) as saved:
            assert saved["data"].shape == (5_000_000, 2)


def test_ctrl_c_leaves_no_half_of_a_file(shared: Daemon, large: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    reading = subprocess.Popen(
        [sys.executable, "-m", "joule.cli", "data", "read", "-f", str(file), large],
        env=shared.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "rows.csv.part").exists() and reading.poll() is None:
        time.sleep(0.01)
    reading.send_signal(signal.SIGINT)
    _, errors = reading.communicate(timeout=30)
    assert reading.returncode == 130
    assert f"Interrupted: [{file}] was not written" in errors
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_a_live_file_with_what_came(shared: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "live.csv"
    command = [sys.executable, "-m", "joule.cli", "data", "read", "-l", "-f", str(file)]

    async def produce(node: TcpNode) -> tuple[int | None, str]:
        await node.data_stream_create(DataStream("data", elements=[Element("a")]), "/live")
        async with await node.data_write("/live/data") as pipe:
            await pipe.write([[float(START), 1.0]])
            reading = await asyncio.create_subprocess_exec(
                *command, "/live/data", env=shared.environment, stderr=subprocess.PIPE
            )
            at = START
            while not (tmp_path / "live.csv.part").exists() and reading.returncode is None:
                at += 1000
                await pipe.write([[float(at), 2.0]])
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)  # the block in which the file began is being written
            reading.send_signal(signal.SIGINT)
            _, errors = await reading.communicate()
        return reading.returncode, errors.decode()

    status, errors = shared.ask(produce)
    assert status == 0, errors
    lines = file.read_text().splitlines()
    assert lines[0] == "timestamp,a"
    assert lines[1].endswith(",2.0")
    assert list(tmp_path.iterdir()) == [file]
