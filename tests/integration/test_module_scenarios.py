"""Modules that stall, break or fall behind, beside healthy ones: nobody else is harmed."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from joule.errors import ApiError
from tests.integration.daemon import Daemon, wait_until
from tests.integration.modules import add_module, count, intervals, logs, pid, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from joule.api import TcpNode

pytestmark = pytest.mark.slow

SUSPENDED_S = float(os.environ.get("SUSPENDED_S", "5"))
"""How long a module is held still."""

COUNTER = """
class Counter(ReaderModule):
    def custom_args(self, parser):
        parser.add_argument("--rate", type=int, default=1000)

    async def run(self, parsed_args, output):
        rate, start, done = parsed_args.rate, time.time(), 0
        rows = np.empty(0, output.dtype)
        while not self.stop_requested:
            due = int((time.time() - start) * rate)
            numbers = np.arange(done, due)
            rows = np.empty(len(numbers), output.dtype)
            rows["timestamp"] = int(start * 1e6) + numbers * 1_000_000 // rate
            rows["data"][:, 0] = numbers
            await output.write(rows)
            done = due
            await asyncio.sleep(0.02)
Counter().start()
"""

COPY = """
class Copy(FilterModule):
    async def run(self, parsed_args, inputs, outputs):
        while await inputs["input"].not_empty():
            rows = await inputs["input"].read()
            await outputs["output"].write(rows)
            inputs["input"].consume(len(rows))
            if inputs["input"].end_of_interval:
                await outputs["output"].close_interval()
Copy().start()
"""

BROKEN = """
class Broken(ReaderModule):
    async def run(self, parsed_args, output):
        start = time.time_ns() // 1000
        await output.write(np.column_stack([start + np.arange(10), np.arange(10)]))
        raise RuntimeError("this reader is broken")
Broken().start()
"""

THREE_COPIES = """
async def copy(source, target):
    while await source.not_empty():
        rows = await source.read()
        await target.write(rows)
        source.consume(len(rows))
        if source.end_of_interval:
            await target.close_interval()
class Three(CompositeModule):
    async def setup(self, parsed_args, inputs, outputs):
        return [copy(inputs[name], outputs[name]) for name in inputs]
Three().start()
"""


def add_counter(daemon: Daemon, name: str, rate: int) -> str:
    path = f"/live/{name}"
    outputs = {"output": f"{path}:int64[number]"}
    add_module(daemon, name, COUNTER, arguments={"rate": str(rate)}, outputs=outputs)
    return path


def add_copy(daemon: Daemon, name: str, source: str) -> str:
    path = f"/copied/{name}"
    outputs = {"output": f"{path}:int64[number]"}
    add_module(daemon, name, COPY, inputs={"input": source}, outputs=outputs)
    return path


def delay_s(daemon: Daemon, path: str) -> float:
    """How old the newest row of a stream is."""
    info = daemon.ask(lambda node: node.data_stream_info(path))
    assert info.end is not None
    return time.time() - float(info.end) / 1e6


def numbers(found: Any) -> Any:
    return found["data"][:, 0]


@pytest.mark.timeout(120 + 3 * SUSPENDED_S)
def test_a_module_that_is_suspended_delays_nobody_and_catches_up_without_a_break(
    daemon: Daemon,
) -> None:
    source = add_counter(daemon, "counter", 300_000)
    other = add_counter(daemon, "other", 1000)
    slow, quick = add_copy(daemon, "slow", source), add_copy(daemon, "quick", source)
    daemon.start()
    wait_until(
        lambda: all(count(daemon, path) for path in (source, other, slow, quick)),
        20,
        lambda: daemon.text,
    )
    suspended = pid(daemon, "slow")
    assert suspended is not None
    os.kill(suspended, signal.SIGSTOP)
    try:
        time.sleep(1)
        held = count(daemon, slow)
        until = time.monotonic() + SUSPENDED_S
        delays = []
        while time.monotonic() < until:
            delays.append(max(delay_s(daemon, path) for path in (source, other, quick)))
            time.sleep(0.1)
        assert count(daemon, slow) == held
        assert count(daemon, source) > held + 1_000_000
    finally:
        os.kill(suspended, signal.SIGCONT)
    assert np.median(delays) < 0.5
    assert max(delays) < 2
    wait_until(lambda: delay_s(daemon, slow) < 1, 30 + SUSPENDED_S, lambda: daemon.text)
    assert daemon.stop() == 0
    daemon.start()
    for path in (source, other, slow, quick):
        found = rows(daemon, path)
        cut = intervals(daemon, path)[1][0] if len(intervals(daemon, path)) > 1 else None
        run = numbers(found[found["timestamp"] < cut] if cut else found)
        # Those that copy subscribe a moment after the first rows. There is one break: the restart.
        assert np.array_equal(run, np.arange(run[0], run[0] + len(run))), path
    assert not any("lost" in line for line in logs(daemon, "slow"))


def test_a_stop_under_load_loses_nothing_that_was_written_to_a_pipe(daemon: Daemon) -> None:
    report = daemon.folder / "written"
    code = f"""
    class Flood(ReaderModule):
        async def run(self, parsed_args, output):
            done, start = 0, time.time_ns() // 1000
            while not self.stop_requested:
                numbers = np.arange(done, done + 5000)
                await output.write(np.column_stack([start + numbers, numbers]))
                done += 5000
            with open({str(report)!r}, "w") as file:
                file.write(f"{{start}} {{done}}")
    Flood().start()
    """
    add_module(daemon, "flood", code, outputs={"output": "/live/flood:int64[number]"})
    daemon.start()
    wait_until(lambda: count(daemon, "/live/flood") > 500_000, 20, lambda: daemon.text)
    assert daemon.stop() == 0
    start, done = map(int, report.read_text().split())
    (daemon.data / "module_configs" / "flood.conf").unlink()
    daemon.start()
    info = daemon.ask(lambda node: node.data_stream_info("/live/flood"))
    assert (info.rows, info.start, info.end) == (done, start, start + done - 1)
    assert intervals(daemon, "/live/flood") == [[start, start + done]]


def test_a_broken_reader_harms_neither_the_other_readers_nor_what_a_composite_makes_of_them(
    daemon: Daemon,
) -> None:
    healthy = [add_counter(daemon, name, 100) for name in ("first", "second")]
    broken = "/live/broken"
    add_module(daemon, "broken", BROKEN, outputs={"output": f"{broken}:int64[number]"})
    sources = {"a": healthy[0], "b": broken, "c": healthy[1]}
    copies = {name: f"/copied/{name}" for name in sources}
    add_module(
        daemon,
        "composite",
        THREE_COPIES,
        inputs=sources,
        outputs={name: f"{path}:int64[number]" for name, path in copies.items()},
    )
    daemon.start()
    starts = "---starting module---"
    wait_until(lambda: logs(daemon, "broken").count(starts) >= 3, 25, lambda: daemon.text)
    assert "RuntimeError: this reader is broken" in logs(daemon, "broken")
    assert {m.name for m in daemon.ask(lambda node: node.module_list())} == {
        *("first", "second", "broken", "composite")
    }
    wait_until(lambda: len(intervals(daemon, copies["b"])) >= 2, 10, lambda: daemon.text)
    assert len(intervals(daemon, broken)) >= 2
    for path in (*healthy, copies["a"], copies["c"]):
        assert len(intervals(daemon, path)) == 1, path
    assert logs(daemon, "composite") == [starts]


def test_streams_and_folders_of_running_modules_are_locked(daemon: Daemon) -> None:
    source = add_counter(daemon, "counter", 100)
    copied = add_copy(daemon, "copy", source)
    daemon.start()

    async def flags(node: Any) -> list[tuple[bool, bool, bool, bool]]:
        streams = [await node.data_stream_get(path) for path in (source, copied)]
        return [(s.is_source, s.is_destination, s.is_configured, s.locked) for s in streams]

    expected = [(True, True, False, True), (False, True, False, True)]
    wait_until(lambda: daemon.ask(flags) == expected, 10, lambda: str(daemon.ask(flags)))
    forbidden: list[Callable[[TcpNode], Coroutine[Any, Any, Any]]] = [
        lambda node: node.data_stream_delete(source),
        lambda node: node.data_stream_move(source, "/elsewhere"),
        lambda node: node.folder_delete("/live", recursive=True),
        lambda node: node.folder_move("/live", "/copied"),
        lambda node: node.folder_move("/copied", "/elsewhere"),
    ]
    for change in forbidden:
        with pytest.raises(ApiError, match="locked"):
            daemon.ask(change)
    with_rows = wait_until(lambda: count(daemon, source), 10, lambda: daemon.text)
    daemon.stop()
    for name in ("counter", "copy"):
        (daemon.data / "module_configs" / f"{name}.conf").unlink()
    daemon.start()
    assert daemon.ask(flags) == [(False, False, False, False)] * 2
    assert count(daemon, source) >= with_rows > 0
    daemon.ask(lambda node: node.folder_move("/live", "/copied"))


def test_a_node_without_modules_is_a_single_small_process(daemon: Daemon) -> None:
    daemon.start()
    assert daemon.process is not None
    assert daemon.descendants() == []
    assert psutil.Process(daemon.process.pid).memory_info().rss < 80e6  # 62 MB when it was written
