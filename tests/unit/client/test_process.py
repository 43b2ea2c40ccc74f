"""A module as a process: what the node hands over, what it gets back, and how it is stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import EmptyPipeError
from joule.models.pipes import DescriptorReader, DescriptorWriter, InputPipe, OutputPipe, Pipe
from tests.unit.client.support import rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[3]
LAYOUT = "float32_1"
PATIENCE_S = 20


@dataclass
class Running:
    """A module and the node's ends of its pipes."""

    process: asyncio.subprocess.Process
    inputs: dict[str, OutputPipe] = field(default_factory=dict)
    outputs: dict[str, InputPipe] = field(default_factory=dict)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    async def text(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await self.process.stdout.read()).decode()


@asynccontextmanager
async def running(
    kind: str, *arguments: str, inputs: tuple[str, ...] = (), outputs: tuple[str, ...] = ()
) -> AsyncIterator[Running]:
    """Start a module as a node does."""
    ends: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}
    theirs: list[int] = []
    ours: dict[str, Pipe] = {}
    for name in inputs:
        read_end, write_end = os.pipe()
        theirs.append(read_end)
        ends["inputs"][name] = {"fd": read_end, "id": None, "layout": LAYOUT}
        ours[name] = OutputPipe(name, layout=LAYOUT, writer=DescriptorWriter(write_end))
    for name in outputs:
        read_end, write_end = os.pipe()
        theirs.append(write_end)
        ends["outputs"][name] = {"fd": write_end, "id": 7, "layout": LAYOUT}
        ours[name] = InputPipe(name, layout=LAYOUT, reader=DescriptorReader(read_end))
    pipes = json.dumps(json.dumps(ends))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.unit.client.modules", kind, "--pipes", pipes, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        pass_fds=theirs,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    for fd in theirs:
        os.close(fd)
    module = Running(process)
    module.inputs = {name: pipe for name, pipe in ours.items() if isinstance(pipe, OutputPipe)}
    module.outputs = {name: pipe for name, pipe in ours.items() if isinstance(pipe, InputPipe)}
    async with AsyncExitStack() as stack:
        for pipe in ours.values():
            stack.push_async_callback(pipe.close)
        try:
            yield module
        finally:
            if process.returncode is None:
                process.kill()
            await module.text()
            await process.wait()


async def read(pipe: Pipe) -> tuple[list[int], list[float], bool]:
    """Read until something comes; timestamps, values and whether an interval ended."""
    async with asyncio.timeout(PATIENCE_S):
        data: Any = await pipe.read()
    pipe.consume(len(data))
    return data["timestamp"].tolist(), data["data"][:, 0].tolist(), pipe.end_of_interval


async def read_to_break(pipe: Pipe) -> tuple[list[int], list[float]]:
    times, values, ended = await read(pipe)
    while not ended:
        more, more_values, ended = await read(pipe)
        times += more
        values += more_values
    return times, values


async def test_rows_and_breaks_of_a_reader_arrive_and_its_arguments_count() -> None:
    async with running("Counter", "--value", "2.5", outputs=("output",)) as module:
        assert await read_to_break(module.outputs["output"]) == ([1, 2, 3], [2.5, 2.5, 2.5])
        assert await module.stop() == 0
        assert await read(module.outputs["output"]) == ([4], [2.5], False)
        with pytest.raises(EmptyPipeError):
            await module.outputs["output"].read()
        assert await module.text() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_module_that_does_not_look_is_cancelled_after_its_grace(number: int) -> None:
    async with running("Stubborn", outputs=("output",)) as module:
        await read(module.outputs["output"])
        assert await module.stop(number) == 0
        assert await module.text() == ""


async def test_a_filter_gets_what_was_sent_before_it_was_stopped_and_ends_at_once() -> None:
    async with running("Doubler", inputs=("input",), outputs=("output",)) as module:
        await module.inputs["input"].write(rows(LAYOUT, [1, 2], [[1], [2]]))
        assert await read(module.outputs["output"]) == ([1, 2], [2, 4], False)
        await module.inputs["input"].close_interval()
        await module.inputs["input"].write(rows(LAYOUT, [3], [[5]]))
        assert await module.stop() == 0
        assert await read_to_break(module.outputs["output"]) == ([], [])
        assert await read(module.outputs["output"]) == ([3], [10], False)


async def test_a_filter_whose_input_ends_ends_without_complaint() -> None:
    async with running("Doubler", inputs=("input",), outputs=("output",)) as module:
        await module.inputs["input"].close()
        assert await module.text() == "STUB:input E0\n"
        assert await module.process.wait() == 0


async def test_the_parts_of_a_composite_end_on_their_own() -> None:
    async with running("Pair", inputs=("a", "b"), outputs=("x", "y")) as module:
        await module.inputs["a"].close()
        await module.inputs["b"].write(rows(LAYOUT, [1], [[3]]))
        assert await read(module.outputs["y"]) == ([1], [6], False)
        await module.inputs["b"].close()
        await module.text()
        assert await module.process.wait() == 0


async def test_a_configuration_error_is_one_line_and_status_0() -> None:
    async with running("Misconfigured", outputs=("output",)) as module:
        assert await module.text() == "ERROR: the port is not there\n"
        assert await module.process.wait() == 0


async def test_a_bug_shows_its_traceback_and_fails() -> None:
    async with running("Faulty", outputs=("output",)) as module:
        assert "RuntimeError: a bug" in await module.text()
        assert await module.process.wait() == 1


@pytest.mark.parametrize("outputs", [(), ("one", "two")])
async def test_a_reader_needs_exactly_one_output(outputs: tuple[str, ...]) -> None:
    async with running("Counter", outputs=outputs) as module:
        assert await module.text() == "ERROR: Reader module must have a single output\n"
        assert await module.process.wait() == 0


async def test_a_node_that_is_gone_ends_a_reader_with_a_clear_error() -> None:
    async with running("Counter", outputs=("output",)) as module:
        await read_to_break(module.outputs["output"])
        await module.outputs["output"].close()
        assert await module.stop() == 1
        assert "the reader of this pipe is gone" in await module.text()


async def test_a_file_reader_waits_at_the_end_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("1,10\n2,20\n")
    async with running("FileReader", "--file", str(file), outputs=("output",)) as module:
        times, _, _ = await read(module.outputs["output"])
        assert times == [1, 2]
        assert module.process.stdout is not None
        assert b"end of file" in await module.process.stdout.readline()
        assert module.process.returncode is None
        assert await module.stop() == 0


async def test_by_hand_the_answer_of_a_node_is_one_line_and_status_1(tmp_path: Path) -> None:
    conf = tmp_path / "module.conf"
    conf.write_text("[Main]\nname = m\nexec_cmd = m\n[Outputs]\noutput = /a/b\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.unit.client.modules", "Counter"),
        *("--module_config", str(conf)),
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    _, text = await process.communicate()
    assert text.decode().startswith("ERROR: No nodes available")
    assert len(text.splitlines()) == 1
    assert process.returncode == 1


async def test_by_hand_a_reader_prints_without_any_node_and_errors_are_told_by_the_status() -> None:
    for name, lines, status in (
        ("Counter", ["1 0.0", "2 0.0", "3 0.0"], 0),
        ("Misconfigured", [], 1),
    ):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.unit.client.modules", name),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert process.stdout is not None
        assert [(await process.stdout.readline()).decode().strip() for _ in lines] == lines
        if not status:
            process.terminate()
        _, text = await process.communicate()
        assert process.returncode == status
        assert ("ERROR: the port is not there" in text.decode()) is (name == "Misconfigured")
