"""``joule module run``: modules of a real node once more, over what it has stored."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.api import DataStream, Element
from tests.integration.daemon import Daemon, wait_until
from tests.integration.modules import add_module, count, intervals, pid, rows

if TYPE_CHECKING:
    from joule.api import TcpNode

pytestmark = pytest.mark.slow

START = 1_700_000_000_000_000
STEP = 1_000
INPUT, OUTPUT = "/stored/in", "/made/out"

OFFSET = """
class Offset(FilterModule):
    def custom_args(self, parser):
        parser.add_argument("--offset", type=int, required=True)
        parser.add_argument("--pause", type=float, default=0)

    async def run(self, parsed_args, inputs, outputs):
        source, target = inputs["input"], outputs["output"]
        info = await self.node.data_stream_info(source.stream)
        print("rows", info.rows, source.stream.elements[0].name)
        while await source.not_empty():
            rows = await source.read()
            source.consume(len(rows))
            rows["data"] += parsed_args.offset
            await target.write(rows)
            if source.end_of_interval:
                await target.close_interval()
            await asyncio.sleep(parsed_args.pause)
Offset().start()
"""


def add_offset(daemon: Daemon, **arguments: str) -> None:
    add_module(
        daemon,
        "offset",
        OFFSET,
        arguments={"offset": "5"} | arguments,
        inputs={"input": f"{INPUT}:int64[number]"},
        outputs={"output": f"{OUTPUT}:int64[number]"},
    )


def store(daemon: Daemon, path: str, *spans: tuple[int, int]) -> None:
    """Write an interval of rows for each span of numbers."""

    async def storing(node: TcpNode) -> None:
        async with await node.data_write(path) as pipe:
            for first, last in spans:
                numbers = np.arange(first, last)
                await pipe.write(np.column_stack([START + numbers * STEP, numbers]))
                await pipe.close_interval()

    daemon.ask(storing)


def numbers(daemon: Daemon, path: str) -> Any:
    return rows(daemon, path)["data"][:, 0]


@pytest.fixture
def node(daemon: Daemon) -> Daemon:
    """A node with stored rows in two intervals, and a filter whose input nobody produces now."""
    daemon.start()
    daemon.ask(lambda ours: ours.data_stream_create(stream(), "/stored"))
    store(daemon, INPUT, (0, 20_000), (30_000, 50_000))
    daemon.stop()
    add_offset(daemon)
    return daemon.start()


def stream() -> DataStream:
    return DataStream("in", datatype="int64", elements=[Element("number")])


def at(number: int) -> str:
    return str(START + number * STEP)


def test_a_module_is_run_over_everything_that_is_stored(node: Daemon) -> None:
    result = node.joule("module", "run", "offset")
    assert result.returncode == 0, result.stderr
    assert "input 40000 rows, output 40000 rows" in result.stdout
    assert "rows 40000 number" in result.stderr
    expected = [*range(20_000), *range(30_000, 50_000)]
    assert np.array_equal(numbers(node, OUTPUT), np.array(expected) + 5)
    assert intervals(node, OUTPUT) == intervals(node, INPUT)


def test_a_range_is_replaced_after_asking(node: Daemon) -> None:
    assert node.joule("module", "run", "offset", "--force").returncode == 0
    node.ask(lambda ours: ours.data_delete(OUTPUT, START + 500 * STEP, START + 40_000 * STEP))
    words = ("module", "run", "offset", "-s", at(100), "-e", at(1000))
    refused = node.joule(*words, answer="n\n")
    assert refused.returncode == 1
    assert "This will remove any data between [" in refused.stdout
    assert f"in the output streams [{OUTPUT}]" in refused.stdout
    assert count(node, OUTPUT) == 10_500
    assert node.joule(*words, answer="y\n").returncode == 0
    expected = [*range(1000), *range(40_000, 50_000)]
    assert np.array_equal(numbers(node, OUTPUT), np.array(expected) + 5)


def test_what_is_missing_is_made_and_then_there_is_nothing_to_do(node: Daemon) -> None:
    assert node.joule("module", "run", "offset").returncode == 0
    node.ask(lambda ours: ours.data_delete(OUTPUT, START + 5_000 * STEP, START + 15_000 * STEP))
    node.ask(lambda ours: ours.data_delete(OUTPUT, START + 35_000 * STEP))
    result = node.joule("module", "run", "offset", "--missing")
    assert result.returncode == 0
    assert result.stdout.count(" rows, output ") == 2
    assert count(node, OUTPUT) == 40_000
    for words in (("--missing",), ("--new",), ("-s", at(60_000))):
        again = node.joule("module", "run", "offset", *words)
        assert (again.returncode, again.stdout) == (0, "Nothing to do\n")


def test_after_ctrl_c_new_goes_on(node: Daemon) -> None:
    add_offset(node, pause="0.5")
    node.stop()
    node.start()
    command = [sys.executable, "-m", "joule.cli", "module", "run", "offset", "-e", at(45_000)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=node.environment
    )
    wait_until(lambda: count(node, OUTPUT), 20, lambda: node.text)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"joule module run offset --new --end {at(44_999)[:-3]}001" in text
    assert 0 < count(node, OUTPUT) < 35_000
    assert node.joule("module", "run", "offset", "--new", "--end", at(45_000)).returncode == 0
    expected = [*range(20_000), *range(30_000, 45_000)]
    assert np.array_equal(numbers(node, OUTPUT), np.array(expected) + 5)


def test_a_module_is_run_over_the_past_while_it_runs_on_the_node(daemon: Daemon) -> None:
    reader = """
    class Clock(ReaderModule):
        async def run(self, parsed_args, output):
            number = 0
            while not self.stop_requested:
                await output.write([[time.time_ns() // 1000, number]])
                number += 1
                await asyncio.sleep(0.02)
    Clock().start()
    """
    add_module(daemon, "clock", reader, outputs={"output": f"{INPUT}:int64[number]"})
    add_offset(daemon)
    daemon.start()
    wait_until(lambda: count(daemon, OUTPUT) > 50, 20, lambda: daemon.text)
    before = pid(daemon, "offset")
    middle = int(rows(daemon, OUTPUT)["timestamp"][30])
    daemon.ask(lambda ours: ours.data_delete(OUTPUT, None, middle))
    result = daemon.joule("module", "run", "offset", "--force")
    assert result.returncode == 0, result.stderr
    assert pid(daemon, "offset") == before
    had = count(daemon, OUTPUT)
    wait_until(lambda: count(daemon, OUTPUT) > had, 10, lambda: daemon.text)
    daemon.stop()
    daemon.start()
    assert np.array_equal(numbers(daemon, OUTPUT)[:had] - 5, numbers(daemon, INPUT)[:had])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("raise ValueError('a bug')", "module [offset] ended with status 1"),
        ("os.kill(os.getpid(), 9)", "module [offset] ended with signal SIGKILL"),
        ("pass", "module [offset] ended before it had read all of [input]"),
        (
            "await inputs['input'].read(); await outputs['output'].write([[5, 1], [4, 1]])",
            "timestamps are not monotonic: 4 comes after 5",
        ),
    ],
)
def test_a_run_that_fails_says_so(node: Daemon, code: str, text: str) -> None:
    add_module(
        node,
        "offset",
        f"""
        class Bad(FilterModule):
            def custom_args(self, parser):
                parser.add_argument("--offset")

            async def run(self, parsed_args, inputs, outputs):
                {code}
        Bad().start()
        """,
        inputs={"input": INPUT},
        outputs={"output": f"{OUTPUT}:int64[number]"},
    )
    result = node.joule("module", "run", "offset", "-e", at(100))
    assert result.returncode == 1
    assert text in result.stderr


def test_a_module_that_waits_for_ever_at_the_end_is_asked_to_stop(node: Daemon) -> None:
    add_module(
        node,
        "offset",
        """
        class Waits(FilterModule):
            def custom_args(self, parser):
                parser.add_argument("--offset")

            async def run(self, parsed_args, inputs, outputs):
                rows = await inputs["input"].read()
                inputs["input"].consume_all()
                await outputs["output"].write(rows[:-1])
                while not self.stop_requested:
                    await asyncio.sleep(0.1)
                await outputs["output"].write(rows[-1:])
        Waits().start()
        """,
    )
    result = node.joule("module", "run", "offset", "-e", at(100))
    assert result.returncode == 0, result.stderr
    assert count(node, OUTPUT) == 100


def test_what_cannot_be_run_is_refused_with_a_reason(node: Daemon) -> None:
    assert "module does not exist" in node.joule("module", "run", "nobody").stderr
    both = node.joule("module", "run", "offset", "--new", "--start", "0")
    assert (both.returncode, "--new goes neither" in both.stderr) == (1, True)
