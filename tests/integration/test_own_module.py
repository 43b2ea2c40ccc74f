"""A user writes a reader, drops its file into the folder and starts the node again."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.daemon import Daemon, wait_until

if TYPE_CHECKING:
    from joule.api import Module, TcpNode

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[::-1])
READER, CONF = BLOCKS["python"], BLOCKS["ini"]
"""The example of the README, program and file; the first block of its kind there."""


def test_the_readme_example_is_short() -> None:
    assert len(READER.splitlines()) <= 30


def test_a_reader_dropped_into_the_folder_runs_after_a_restart(daemon: Daemon) -> None:
    daemon.start()
    daemon.stop()
    script = daemon.folder / "thermometer.py"
    script.write_text(READER)
    folder = daemon.data / "module_configs"
    command = f"exec_cmd = {sys.executable} {script}"
    conf, count = re.subn(r"^exec_cmd = .*$", command, CONF, flags=re.MULTILINE)
    assert count == 1
    (folder / "thermometer.conf").write_text(conf)
    daemon.start()

    async def logs(node: TcpNode) -> list[str]:
        return await node.module_logs("thermometer")

    def started_twice() -> bool:
        lines = daemon.ask(logs)
        return sum("---starting module---" in line for line in lines) >= 2

    wait_until(started_twice, 20, lambda: "\n".join(daemon.ask(logs)) + daemon.text)
    shown = daemon.joule("module", "logs", "thermometer").stdout
    assert "RuntimeError: the sensor came loose" in shown
    assert "---module terminated---" in shown

    async def values(node: TcpNode) -> list[list[float]]:
        rows = await node.data_read_array("/lab/room/temperature")
        found: list[list[float]] = rows["data"].tolist()
        return found

    def two_runs() -> bool:
        return len(daemon.ask(values)) > 8

    wait_until(two_runs, 20, lambda: daemon.text)
    assert daemon.ask(values)[:9] == [*([20.5 + n] for n in range(8)), [20.5]]
    intervals = daemon.ask(lambda node: node.data_intervals("/lab/room/temperature"))
    assert len(intervals) >= 2

    async def module(node: TcpNode) -> Module:
        return await node.module_get("thermometer")

    assert daemon.ask(module).outputs == {"output": "/lab/room/temperature"}


def test_a_broken_file_or_program_does_not_stop_the_others(daemon: Daemon) -> None:
    daemon.start()
    daemon.stop()
    folder = daemon.data / "module_configs"
    (folder / "nothing.conf").write_text("[Arguments]\nx = 1\n")
    (folder / "typo.conf").write_text("[Main]\nname = typo\nexec = x\n")
    (folder / "ghost.conf").write_text(
        "[Main]\nname = ghost\nexec_cmd = /no/such/program\n"
        "[Outputs]\noutput = /lab/ghost:float32[x]\n"
    )
    (folder / "random.conf").write_text(
        "[Main]\nname = random\n"
        f"exec_cmd = {Path(sys.executable).parent}/joule-random-reader\n"
        "[Arguments]\nwidth = 2\nrate = 10\n"
        "[Outputs]\noutput = /lab/random:float32[x,y]\n"
    )
    streams = daemon.data / "data_stream_configs"
    (streams / "bad.conf").write_text("[Main]\nname = x\npath = /lab\ndatatype = int8\n")
    daemon.start()

    def ghost_tried() -> bool:
        return "/no/such/program" in daemon.joule("module", "logs", "ghost").stdout

    wait_until(ghost_tried, 10, lambda: daemon.text)
    for fault in ("nothing.conf", "typo.conf", "exec_cmd", "bad.conf"):
        assert fault in daemon.text

    def rows() -> int:
        return daemon.ask(lambda node: node.data_stream_info("/lab/random")).rows

    wait_until(rows, 15, lambda: daemon.text)
