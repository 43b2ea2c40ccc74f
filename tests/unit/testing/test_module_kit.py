"""Modules run on arrays and in made-up time, and the examples of the documentation."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web

import joule.testing
from joule.client import CompositeModule, FilterModule, ReaderModule
from joule.client.builtins.mean_filter import MeanFilter
from joule.client.builtins.random_reader import RandomReader
from joule.errors import ConfigurationError, DataError
from joule.models import DataStream, Element, LocalPipe, compute_dtype
from joule.testing import run_module
from joule.utilities import time_now

GUIDE = (Path(__file__).parents[3] / "docs" / "modules.md").read_text()
EXAMPLES: dict[str, Any] = {"__name__": "examples"}
for block in re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL):
    exec(block, EXAMPLES)
OUT = {"output": "float32_1"}


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("test_")])
def test_the_guide_is_right(name: str) -> None:
    EXAMPLES[name]()


def test_the_guide_has_tests() -> None:
    assert sum(name.startswith("test_") for name in EXAMPLES) == 3


class Copy(FilterModule):
    """Copies, and notes how much it read at a time and what time it was."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    async def run(self, parsed_args: Any, inputs: Any, outputs: Any) -> None:
        source, target = inputs["input"], outputs["output"]
        while await source.not_empty():
            rows = await source.read()
            self.seen.append(len(rows))
            source.consume(len(rows))
            await target.write(rows)
            if source.end_of_interval:
                await target.close_interval()


def ramp(*times: int) -> Any:
    return np.array([[time, time] for time in times], dtype=np.float64)


def test_blocks_are_as_long_as_one_likes() -> None:
    module = Copy()
    out = run_module(module, {"input": ramp(*range(1, 8))}, OUT, block_rows=3)
    assert module.seen == [3, 3, 1]
    assert out["output"].times.tolist() == list(range(1, 8))


def test_the_layout_is_that_of_a_structured_array() -> None:
    rows = np.zeros(2, compute_dtype("int16_3"))
    rows["timestamp"] = [1, 2]
    out = run_module(Copy(), {"input": rows}, {"output": "int16_3"})
    assert out["output"].rows.dtype == rows.dtype
    assert out["output"].layout == "int16_3"


def test_streams_may_be_given_in_place_of_layouts() -> None:
    seen: list[str] = []

    class Names(FilterModule):
        async def run(self, parsed_args: Any, inputs: Any, outputs: Any) -> None:
            seen.extend(element.name for element in inputs["input"].stream.elements)

    stream = DataStream("mains", elements=[Element("P")])
    run_module(Names(), {"input": ramp(1)}, layouts={"input": stream})
    assert seen == ["P"]


def test_the_windows_of_a_filter_do_not_depend_on_the_blocks() -> None:
    rng = np.random.default_rng(4)
    pieces = [np.column_stack([t + np.arange(50), rng.random((50, 2))]) for t in (0, 1000)]
    layouts = {"input": "float64_2"}
    outs = [
        run_module(
            MeanFilter(),
            {"input": pieces},
            {"output": "float64_2"},
            {"window": 5},
            layouts=layouts,
            block_rows=n,
        )["output"]
        for n in (None, 1, 7)
    ]
    assert [len(rows) for rows in outs[0].intervals] == [46, 46]
    for out in outs[1:]:
        np.testing.assert_allclose(out.flat, outs[0].flat)


@pytest.mark.blocks_loop  # in made-up time
def test_time_is_made_up_everywhere() -> None:
    moments = []

    class Clocks(ReaderModule):
        async def run(self, parsed_args: Any, output: Any) -> None:
            began = time.monotonic()
            await asyncio.sleep(3600)
            time.sleep(1800)  # noqa: ASYNC251  # as third-party modules do
            moments.append((time_now(), time.time(), time.monotonic() - began))
            await asyncio.to_thread(lambda: moments.append(threading_time()))

    def threading_time() -> tuple[int, float, float]:
        return time_now(), time.time(), 0.0

    before = time.time()
    run_module(Clocks(), outputs=OUT, seconds=7200, start=1_000_000)
    assert moments[0] == pytest.approx((5_401_000_000, 5401, 5400), rel=1e-6)
    assert moments[1][:2] == pytest.approx((5_401_000_000, 5401), rel=1e-6)
    assert time.time() >= before


def test_a_reader_is_stopped_when_its_time_is_over() -> None:
    out = run_module(
        RandomReader(),
        outputs={"output": "float32_3"},
        arguments={"width": 3, "rate": 10},
        seconds=30,
    )["output"]
    assert 290 <= len(out.rows) <= 320
    assert len(out.intervals) == 1


def test_one_that_does_not_stop_is_cancelled() -> None:
    ended: list[Any] = []

    class Stubborn(ReaderModule):
        async def run(self, parsed_args: Any, output: Any) -> None:
            try:
                await output.write([[1, 1]])
                await asyncio.Event().wait()
            finally:
                ended.append((self.stop_requested, time.monotonic()))

    out = run_module(Stubborn(), outputs=OUT, seconds=10)
    assert out["output"].times.tolist() == [1]
    assert ended == [(True, pytest.approx(12, abs=0.1))]


def test_composites_and_web_interfaces_run_too() -> None:
    class Pair(CompositeModule):
        async def setup(self, parsed_args: Any, inputs: Any, outputs: Any) -> Any:
            middle = LocalPipe("float32_1", write_limit=2)
            return [
                Copy().run(parsed_args, inputs, {"output": middle}),
                Copy().run(parsed_args, {"input": middle}, outputs),
                self._end(middle),
            ]

        async def _end(self, middle: LocalPipe) -> None:
            await asyncio.sleep(1)
            await middle.close()

        def routes(self) -> list[web.RouteDef]:
            return [web.get("/", self.page)]

        async def page(self, request: web.Request) -> web.Response:
            return web.Response()

    out = run_module(Pair(), {"input": [ramp(1, 2), ramp(5)]}, OUT)
    assert [len(rows) for rows in out["output"].intervals] == [2, 1]


def test_what_stands_in_for_the_node_is_asked() -> None:
    class Node:
        async def info(self) -> str:
            return "asked"

    said: list[Any] = []

    class Asking(ReaderModule):
        async def run(self, parsed_args: Any, output: Any) -> None:
            said.append(await self.node.info())

    run_module(Asking(), outputs=OUT, node=Node())
    assert said == ["asked"]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([[[2, 1], [1, 1]]], "timestamps must rise, 1 comes after 2"),
        ([[[1, 1]], [[1, 1]]], "timestamps must rise, 1 comes after 1"),
        ([[[1, np.nan]]], "not finite"),
    ],
)
def test_rows_that_a_node_would_refuse_are_an_error(rows: Any, text: str) -> None:
    class Bad(ReaderModule):
        async def run(self, parsed_args: Any, output: Any) -> None:
            for block in rows:
                await output.write(block)
                await output.close_interval()

    with pytest.raises(DataError, match=text):
        run_module(Bad(), outputs=OUT)


def test_errors_of_the_module_are_raised() -> None:
    class Broken(FilterModule):
        async def run(self, parsed_args: Any, inputs: Any, outputs: Any) -> None:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run_module(Broken(), {"input": ramp(1, 2)}, OUT, block_rows=1)
    with pytest.raises(ConfigurationError, match="single output"):
        run_module(RandomReader(), arguments={"width": 1, "rate": 1})
    assert abs(time.time() - time_now() / 1e6) < 60


def test_the_kit_needs_neither_pytest_nor_hypothesis() -> None:
    script = """if True:
        import sys
        sys.modules["pytest"] = sys.modules["hypothesis"] = None
        from joule.testing import run_module
        print(*(name for name in ("aiohttp", "apsw") if name in sys.modules))
    """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
    assert set(joule.testing.__all__) <= set(dir(joule.testing))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        joule.testing.nothing  # noqa: B018
