"""The first minutes of a user: start the demo, look at it, pull the plug, start again."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from joule.errors import ApiError
from tests.integration.daemon import Daemon, is_running, wait_until

if TYPE_CHECKING:
    from joule.api import DataStreamInfo, Module, TcpNode

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"

READY_S = 15
"""By then a new user wants to see everything run."""


@pytest.fixture
def demo(daemon: Daemon) -> Daemon:
    """The demo pipeline, all modules running."""
    daemon.start("--demo")
    began = time.monotonic()
    wait_until(lambda: all_run(daemon), READY_S, lambda: module_list(daemon) + daemon.text)
    assert time.monotonic() - began < READY_S
    return daemon


def module_list(daemon: Daemon) -> str:
    return daemon.joule("module", "list").stdout


def all_run(daemon: Daemon) -> bool:
    async def states(node: TcpNode) -> list[str]:
        return [module.state for module in await node.module_list()]

    found = daemon.ask(states)
    return bool(found) and set(found) == {"running"}


def outputs(daemon: Daemon) -> dict[str, str]:
    """The streams that the modules produce, by module."""

    async def modules(node: TcpNode) -> list[Module]:
        return await node.module_list()

    found = daemon.ask(modules)
    return {module.name: path for module in found for path in module.outputs.values()}


def host_stream(daemon: Daemon) -> str:
    [path] = [
        path for name, path in outputs(daemon).items() if "host" in name and "mean" not in name
    ]
    return path


def info(daemon: Daemon, path: str) -> DataStreamInfo:
    return daemon.ask(lambda node: node.data_stream_info(path))


def test_the_demo_runs_and_its_data_can_be_seen_in_every_way(demo: Daemon) -> None:
    listed = demo.joule("module", "list")
    assert listed.returncode == 0, listed.stderr
    for name in outputs(demo):
        assert name in listed.stdout
    assert "running" in listed.stdout

    path = host_stream(demo)
    first = info(demo, path).rows
    wait_until(lambda: info(demo, path).rows > first, 10, "the host stream does not grow")
    shown = demo.joule("stream", "info", path)
    assert shown.returncode == 0, shown.stderr
    assert "[active]" in shown.stdout

    rows = demo.joule("data", "read", path)
    assert rows.returncode == 0, rows.stderr
    assert len(rows.stdout.splitlines()) >= first
    columns = {len(line.split()) for line in rows.stdout.splitlines()}
    assert len(columns) == 1

    wait_until(lambda: info(demo, path).rows > 20, 30, "the host stream does not grow")
    decimated = demo.joule("data", "read", "-r", "10", path)
    assert decimated.returncode == 0, decimated.stderr
    assert 0 < len(decimated.stdout.splitlines()) <= 10


def commands_to_try(text: str) -> list[list[str]]:
    """The lines of a text that run the command, without the program's name."""
    lines = re.findall(r"^\s*(?:\S*/)?joule (.+?)(?:\s+#.*)?$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def test_the_commands_of_the_readme_and_of_the_greeting_work(demo: Daemon) -> None:
    first_screen = README.read_text().partition("\n## ")[0]
    tried = commands_to_try(first_screen) + commands_to_try(demo.text)
    assert len(tried) >= 6
    for words in tried:
        if "--live" in words:
            assert follow(demo, words)
        else:
            result = demo.joule(*words)
            assert result.returncode == 0, (words, result.stderr)
            assert result.stdout


def follow(demo: Daemon, words: list[str]) -> str:
    """The first line of a command that goes on until Ctrl-C, which must end it without a fuss."""
    with subprocess.Popen(
        [sys.executable, "-m", "joule.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=demo.environment,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, notes = process.communicate(timeout=10)
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 0, notes
    assert "Traceback" not in notes
    return line


def test_live_blocks_arrive(demo: Daemon) -> None:
    async def two_blocks(node: TcpNode) -> list[int]:
        pipe = await node.data_subscribe(host_path)
        times: list[int] = []
        for _ in range(2):
            rows = await pipe.read()
            times += rows["timestamp"].tolist()
            pipe.consume(len(rows))
        await pipe.close()
        return times

    host_path = host_stream(demo)
    times = demo.ask(two_blocks)
    assert len(times) >= 2
    assert times == sorted(set(times))
    assert abs(times[-1] - time.time() * 1e6) < 10e6


def test_nothing_counted_is_lost_when_the_plug_is_pulled(demo: Daemon) -> None:
    paths = sorted(outputs(demo).values())
    assert len(paths) >= 2
    wait_until(
        lambda: all(info(demo, path).rows for path in paths), 20, "a stream of the demo is empty"
    )
    counted = {path: info(demo, path) for path in paths}
    breaks = {path: len(intervals(demo, path)) for path in paths}
    time.sleep(1)  # what is promised: rows of one second ago are safe
    modules = demo.kill()
    assert modules
    _, alive = psutil.wait_procs(modules, timeout=5)
    assert not [process for process in alive if is_running(process)]

    demo.start("--demo")
    for path, before in counted.items():
        assert rows_until(demo, path, before.end) == before.rows, path
    newest = {path: info(demo, path).end or 0 for path in paths}
    wait_until(
        lambda: all((info(demo, path).end or 0) > newest[path] for path in paths),
        30,
        "a stream of the demo does not go on",
    )
    for path in paths:
        assert len(intervals(demo, path)) == breaks[path] + 1, path


def intervals(daemon: Daemon, path: str) -> list[list[int]]:
    return daemon.ask(lambda node: node.data_intervals(path))


def rows_until(daemon: Daemon, path: str, end: int | None) -> int:
    """How many rows are stored up to and with the timestamp ``end``."""
    assert end is not None

    async def count(node: TcpNode) -> int:
        array = await node.data_read_array(path, end=end + 1, max_rows=10_000_000)
        return len(array)

    return daemon.ask(count)


def test_a_normal_stop_and_start_keeps_everything(demo: Daemon) -> None:
    path = host_stream(demo)
    wait_until(lambda: info(demo, path).rows, 20, "the host stream is empty")
    before = info(demo, path)
    assert demo.stop() == 0
    assert not demo.alive()
    demo.start()
    after = info(demo, path)
    assert after.start == before.start
    assert after.rows >= before.rows


def test_the_commands_say_when_nobody_is_there(demo: Daemon) -> None:
    demo.stop()
    result = demo.joule("folder", "list")
    assert result.returncode == 1
    assert f"Error: Cannot contact node at [{demo.url}]" in result.stderr
    with pytest.raises(ApiError, match="Cannot contact node"):
        demo.ask(lambda node: node.folder_root())
