"""Modules run by hand on the streams of a node."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.client import CompositeModule, FilterModule, ReaderModule
from joule.client.arguments import parse
from joule.client.standalone import progress
from joule.client.standalone.files import read_stream_configs
from joule.client.standalone.network_pipes import build_network_pipes
from joule.client.standalone.nodes import saved_node
from joule.client.standalone.time_bounds import time_bounds
from joule.errors import ApiError, ConfigurationError, ConflictError, InvalidRequestError
from joule.models.intervals import Interval
from joule.models.pipes import InputPipe, LocalPipe
from joule.models.streams import DataStream, Element
from tests.unit.client.fake_node import FakeNode
from tests.unit.client.support import args, rows

if TYPE_CHECKING:
    from pathlib import Path

    from joule.client import BaseModule

LAYOUT = "float32_1"
S = 1_000_000
FILTER_CONF = """
[Main]
name = double
exec_cmd = double
[Inputs]
input = /a/in
[Outputs]
output = /a/out:float32[x]
"""
READER_CONF = """
[Main]
name = ramp
exec_cmd = ramp
[Outputs]
output = /a/out:float32[x]
"""


class Double(FilterModule):
    """Doubles what it reads; counts how often it is set up."""

    runs = 0

    async def setup(self, parsed_args: Any, app: Any, inputs: Any, outputs: Any) -> None:
        self.runs += 1

    async def run(self, parsed_args: Any, inputs: Any, outputs: Any) -> None:
        while True:
            data = await inputs["input"].read()
            data["data"] *= 2
            inputs["input"].consume(len(data))
            if len(data):
                await outputs["output"].write(data)


class Ramp(ReaderModule):
    async def run(self, parsed_args: Any, output: Any) -> None:
        await output.write([[15 * S, 15]])


class Composite(CompositeModule):
    async def setup(self, parsed_args: Any, inputs: Any, outputs: Any) -> Any:
        return [Double().run(parsed_args, inputs, outputs)]


def stream(*elements: str) -> DataStream:
    return DataStream(elements=[Element(name) for name in elements or ("x",)])


def seconds(*times: float) -> Any:
    """Rows at these seconds with the time as value."""
    return rows(LAYOUT, [int(time * S) for time in times], np.array([times]).T)


def span(start: int, end: int) -> Any:
    return seconds(*range(start, end))


async def run(module: BaseModule, node: FakeNode, tmp_path: Path, conf: str, *words: str) -> None:
    file = tmp_path / "module.conf"
    file.write_text(conf)
    module.node = node  # type: ignore[assignment]
    await module.run_to_end(parse(["--module_config", str(file), *words], module.custom_args))
    assert node.closed


@pytest.fixture
def node() -> FakeNode:
    node = FakeNode()
    node.add("/a/in", stream(), span(0, 10), span(20, 30))
    return node


# ------------------------------------------------------------------ filters over stored data


async def test_a_filter_fills_what_is_missing_and_nothing_else(
    node: FakeNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node.add("/a/out", stream(), span(22, 26))
    module = Double()
    await run(module, node, tmp_path, FILTER_CONF)
    assert module.runs == 3
    assert sorted(node.times("/a/out")) == [
        list(range(0, 10 * S, S)),
        [20 * S, 21 * S],
        [22 * S, 23 * S, 24 * S, 25 * S],
        [26 * S, 27 * S, 28 * S, 29 * S],
    ]
    assert capsys.readouterr().out.count(" => ") == 3
    node.closed = False
    await run(module, node, tmp_path, FILTER_CONF)
    assert module.runs == 3
    assert "Nothing to do, data is already filtered" in capsys.readouterr().out


async def test_bounds_limit_what_is_filtered(node: FakeNode, tmp_path: Path) -> None:
    await run(
        Double(), node, tmp_path, FILTER_CONF, "--start_time", str(5 * S), "--end", str(22 * S)
    )
    assert node.times("/a/out") == [[n * S for n in range(5, 10)], [20 * S, 21 * S]]
    assert node.values("/a/out") == [10, 12, 14, 16, 18, 40, 42]


async def test_pieces_of_a_second_are_not_worth_it(node: FakeNode, tmp_path: Path) -> None:
    node.add("/a/out", stream(), span(0, 10), seconds(21, 30))
    module = Double()
    await run(module, node, tmp_path, FILTER_CONF)
    assert module.runs == 0


async def test_without_inputs_there_is_nothing_to_filter(
    node: FakeNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(Double(), node, tmp_path, READER_CONF)
    assert "No inputs, cannot run on historic data" in capsys.readouterr().out


async def test_a_filter_needs_a_module_file() -> None:
    module = Double()
    with pytest.raises(ConfigurationError, match="module_config parameter missing"):
        await module.run_to_end(parse([], module.custom_args))


# ------------------------------------------------------------------ live


async def test_a_live_filter_follows_its_inputs_and_appends(
    node: FakeNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node.live["/a/in"] = LocalPipe(LAYOUT)
    await node.live["/a/in"].write(span(40, 42))
    await node.live["/a/in"].close()
    await run(Double(), node, tmp_path, FILTER_CONF, "--live")
    assert node.values("/a/out") == [80, 82]
    assert node.written == [("/a/out", None, None)]
    assert "Running filter on live input data" in capsys.readouterr().out


async def test_an_input_that_nobody_produces_cannot_be_followed(
    node: FakeNode, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequestError, match="not being produced"):
        await run(Double(), node, tmp_path, FILTER_CONF, "--live")


async def test_an_output_that_somebody_produces_cannot_be_written(
    node: FakeNode, tmp_path: Path
) -> None:
    node.add("/a/out", stream())
    node.streams["/a/out"].is_destination = True
    with pytest.raises(ConflictError, match="already being produced"):
        await run(Ramp(), node, tmp_path, READER_CONF)


async def test_a_reader_appends_to_its_stream(node: FakeNode, tmp_path: Path) -> None:
    await run(Ramp(), node, tmp_path, READER_CONF)
    assert node.times("/a/out") == [[15 * S]]
    assert node.written == [("/a/out", None, None)]


# ------------------------------------------------------------------ readers and composites, bounded


async def test_a_range_is_replaced_when_that_is_confirmed(
    node: FakeNode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    node.add("/a/out", stream(), span(10, 20))
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    bounds = ("--start", str(12 * S), "--end", str(18 * S))
    await run(Ramp(), node, tmp_path, READER_CONF, *bounds)
    assert node.written == [("/a/out", 12 * S, 18 * S)]
    out = capsys.readouterr().out
    assert "This will remove any data between [" in out
    assert "in the output streams [/a/out]" in out
    assert sorted(time for times in node.times("/a/out") for time in times) == [
        n * S for n in (10, 11, 15, 18, 19)
    ]


@pytest.mark.parametrize("answer", ["no\n", "\n", ""])
async def test_refusing_ends_with_status_1_and_changes_nothing(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    node.add("/a/out", stream(), span(10, 20))
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    with pytest.raises(SystemExit) as left:
        await run(Ramp(), node, tmp_path, READER_CONF, "--start", "0")
    assert left.value.code == 1
    assert len(node.times("/a/out")[0]) == 10


async def test_a_composite_reads_the_range_that_it_is_given(node: FakeNode, tmp_path: Path) -> None:
    bounds = ("--start", str(21 * S), "--end", str(24 * S), "--force")
    await run(Composite(), node, tmp_path, FILTER_CONF, *bounds)
    assert node.values("/a/out") == [42, 44, 46]


async def test_new_starts_behind_the_newest_output(node: FakeNode, tmp_path: Path) -> None:
    node.add("/a/out", stream(), span(0, 25))
    await run(Composite(), node, tmp_path, FILTER_CONF, "--new", "--force")
    assert node.written == [("/a/out", 24 * S + 1, None)]
    assert node.times("/a/out")[1:] == [[n * S for n in range(25, 30)]]


async def test_a_filter_may_leave_out_what_is_before_its_newest_output(
    node: FakeNode, tmp_path: Path
) -> None:
    node.add("/a/out", stream(), span(5, 22))
    await run(Double(), node, tmp_path, FILTER_CONF, "--new")
    assert node.times("/a/out")[1:] == [[n * S for n in range(22, 30)]]


async def test_new_and_a_start_contradict_each_other(node: FakeNode, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--new or a start time"):
        await run(Composite(), node, tmp_path, FILTER_CONF, "--new", "--start", "0")


# ------------------------------------------------------------------ streams


async def test_outputs_are_created_from_stream_files_first(node: FakeNode, tmp_path: Path) -> None:
    folder = tmp_path / "streams"
    folder.mkdir()
    (folder / "out.conf").write_text(
        "[Main]\nname = out\npath = /a\ndatatype = float32\nkeep = 1w\n"
        "[Element1]\nname = y\ndisplay_type = discrete\n"
    )
    await run(Ramp(), node, tmp_path, READER_CONF, "--data_stream_configs", str(folder))
    made = node.streams["/a/out"]
    assert (made.keep_us, made.elements[0].name) == (7 * 86400 * S, "y")
    assert made.elements[0].display_type == "discrete"


async def test_an_output_without_any_description_cannot_be_created(
    node: FakeNode, tmp_path: Path
) -> None:
    conf = READER_CONF.replace(":float32[x]", "")
    with pytest.raises(ConfigurationError, match=r"Stream \[/a/out\] does not exist, provide"):
        await run(Ramp(), node, tmp_path, conf)


async def test_a_stream_of_another_layout_is_refused(node: FakeNode, tmp_path: Path) -> None:
    node.add("/a/out", stream("x", "y"))
    text = r"Stream \[/a/out\] exists with layout \[float32_2\], not \[float32_1\]"
    with pytest.raises(ConfigurationError, match=text):
        await run(Ramp(), node, tmp_path, READER_CONF)


def test_a_bad_stream_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.conf").write_text("[Main]\nname = x\n")
    with pytest.raises(ConfigurationError, match=r"bad\.conf"):
        read_stream_configs(tmp_path)
    with pytest.raises(ConfigurationError, match="not a folder"):
        read_stream_configs(tmp_path / "none")


async def test_pipes_can_be_built_without_a_module(node: FakeNode) -> None:
    fake: Any = node
    inputs, outputs = await build_network_pipes(
        {"input": "/a/in"}, {"output": "/a/out:float32[x]"}, {}, fake, 0, 3 * S
    )
    data = await inputs["input"].read()
    assert len(data) == 3
    await outputs["output"].write(data)
    for pipe in (*inputs.values(), *outputs.values()):
        await pipe.close()
    assert node.values("/a/out") == [0, 1, 2]


# ------------------------------------------------------------------ progress


class Pieces:
    """A byte stream that comes in pieces of a few bytes."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = data, size

    async def read(self, _: int, /) -> bytes:
        data, self._data = self._data[: self._size], self._data[self._size :]
        return data


@pytest.mark.parametrize("size", [12, 30, 1000])
async def test_a_bar_follows_the_slowest_input(size: int) -> None:
    class Bar:
        pos = 0

        def update(self, n_steps: int) -> None:
            self.pos += n_steps

    bar = Bar()
    packed = span(10, 20).tobytes() + bytes(12)
    inputs = {
        name: InputPipe(name, layout=LAYOUT, reader=Pieces(packed, size)) for name in ("a", "b")
    }
    progress.watch(inputs, Interval(10 * S, 19 * S + 1), bar)
    while await inputs["a"].not_empty():
        inputs["a"].consume(len(await inputs["a"].read()))
    assert bar.pos == 0
    while await inputs["b"].not_empty():
        inputs["b"].consume(len(await inputs["b"].read()))
    assert bar.pos == 9 * S


async def test_a_bar_is_shown_to_people_only(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, is_shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        node.intervals.pop("/a/out", None)
        node.streams.pop("/a/out", None)
        await run(Double(), node, tmp_path, FILTER_CONF)
        assert ("%" in stream.getvalue()) is is_shown


# ------------------------------------------------------------------ times and nodes


def test_times_are_numbers_or_dates() -> None:
    assert time_bounds(args(start_time=None, end_time=None)) == (None, None)
    assert time_bounds(args(start_time="5", end_time="1970-01-01T00:00:01Z")) == (5, S)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [("5", "5", "must be before end"), ("bad time", None, "invalid start time")],
)
def test_bounds_that_make_no_sense_are_refused(start: str, end: str | None, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        time_bounds(args(start_time=start, end_time=end))


def test_without_saved_nodes_there_is_none_to_use() -> None:
    with pytest.raises(ApiError, match="No nodes available"):
        saved_node("", "")
    with pytest.raises(ApiError, match="no node with the URL"):
        saved_node("", "http://127.0.0.1:1")
