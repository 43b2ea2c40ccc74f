"""Tests of modules: arrays in, arrays out.

::

    def test_the_offset_is_added():
        out = run_module(
            Offset(), {"input": [[1, 10], [2, 20]]}, {"output": "float32_1"}, {"offset": 5}
        )
        assert out["output"].values.tolist() == [[15], [25]]
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.client.arguments import parse
from joule.client.stream_query import stub_stream
from joule.errors import DataError
from joule.models.layout import Layout, flat, joined
from joule.models.pipes import LocalPipe
from joule.models.pipes.rows import as_rows, matrix
from joule.models.streams import DataStream
from joule.testing.fake_time import START_US, FakeTimeLoop, fake_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from joule.client import BaseModule
    from joule.models.layout import Rows


@dataclass(frozen=True, slots=True)
class Written:
    """What a module wrote to an output: one array of rows for each interval."""

    layout: str
    intervals: tuple[Rows, ...]

    @property
    def rows(self) -> Rows:
        """All rows, interval breaks ignored."""
        return joined([Layout.parse(self.layout).empty(), *self.intervals])

    @property
    def times(self) -> np.ndarray[Any, Any]:
        """The timestamps ``(n,)`` of all rows in UNIX us."""
        return np.asarray(self.rows["timestamp"])

    @property
    def values(self) -> np.ndarray[Any, Any]:
        """The values ``(n, width)`` of all rows."""
        return np.asarray(self.rows["data"])

    @property
    def flat(self) -> np.ndarray[Any, Any]:
        """All rows as a matrix with the timestamps in column 0."""
        return flat(self.rows)


def run_module(
    module: BaseModule,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, str | DataStream] | None = None,
    arguments: Mapping[str, object] | None = None,
    *,
    layouts: Mapping[str, str | DataStream] | None = None,
    block_rows: int | None = None,
    seconds: float = 60.0,
    start: int = START_US,
    node: Any = None,
) -> dict[str, Written]:
    """Run a module as a node would and give what it wrote, by the name of the output.

    An input is an array as pipes take it, or a list of such arrays: an interval each. Its layout is
    that of a structured array, else ``float32``, unless ``layouts`` names another or gives the
    whole stream. ``outputs`` gives the layout or the stream of each. With ``block_rows`` the module
    reads at most so many new rows at a time, else a whole interval.

    Time is made up: it begins at ``start`` (UNIX us), passes while the module waits, and after
    ``seconds`` of it the module is asked to stop, and cancelled if it does not. ``node`` stands in
    for ``self.node``. Errors of the module are raised; so is a ``DataError`` for rows that a node
    would refuse.
    """
    asked = layouts or {}
    streams = {
        name: _stream(name, asked[name] if name in asked else _layout_of(data))
        for name, data in (inputs or {}).items()
    }
    made = {name: _stream(name, kind) for name, kind in (outputs or {}).items()}
    sources = {name: _intervals(data, streams[name]) for name, data in (inputs or {}).items()}
    words = [
        word for name, value in (arguments or {}).items() for word in (f"--{name}", f"{value}")
    ]
    if node is not None:
        module.node = node
    with fake_time(start) as hands:
        module.parsed_args = parse(words, module.custom_args)
        with asyncio.Runner(loop_factory=partial(FakeTimeLoop, hands)) as runner:
            return runner.run(_run(module, streams, sources, made, block_rows, seconds))


async def _run(
    module: BaseModule,
    streams: Mapping[str, DataStream],
    sources: Mapping[str, list[Rows]],
    made: Mapping[str, DataStream],
    block_rows: int | None,
    seconds: float,
) -> dict[str, Written]:
    limit = 0 if block_rows is None else 1
    inputs = {
        name: LocalPipe(name=name, stream=s, write_limit=limit) for name, s in streams.items()
    }
    outputs = {name: LocalPipe(name=name, stream=stream) for name, stream in made.items()}
    module.pipes = [*inputs.values(), *outputs.values()]
    feeds = [
        asyncio.create_task(_feed(pipe, sources[name], block_rows)) for name, pipe in inputs.items()
    ]
    try:
        await _until_over(module, module.process(module.parsed_args, inputs, outputs), seconds)
    finally:
        for feed in feeds:
            feed.cancel()
        await asyncio.gather(*feeds, return_exceptions=True)
    return {name: await _written(pipe) for name, pipe in outputs.items()}


async def _until_over(module: BaseModule, process: Any, seconds: float) -> None:
    """Await the module; ask it to stop, and end it, when its time has come."""
    task = asyncio.ensure_future(process)
    _, pending = await asyncio.wait([task], timeout=seconds)
    if pending:
        module.stop()
        _, pending = await asyncio.wait([task], timeout=module.STOP_TIMEOUT)
    if pending:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _feed(pipe: LocalPipe, intervals: Iterable[Rows], block_rows: int | None) -> None:
    for number, rows in enumerate(intervals):
        if number:
            await pipe.close_interval()
        step = block_rows or max(1, len(rows))
        for first in range(0, len(rows), step):
            await pipe.write(rows[first : first + step])
    await pipe.close()


async def _written(pipe: LocalPipe) -> Written:
    await pipe.close()
    pieces: list[list[Rows]] = [[]]
    while await pipe.not_empty():
        rows = await pipe.read()
        pipe.consume(len(rows))
        pieces[-1].append(rows)
        if pipe.end_of_interval:
            pieces.append([])
    intervals = tuple(rows for piece in pieces if piece and len(rows := joined(piece)))
    written = Written(pipe.layout, intervals)
    _check(f"{pipe.name}", written)
    return written


def _check(name: str, written: Written) -> None:
    times, values = written.times, written.values
    if not np.isfinite(values).all():
        raise DataError(f"output [{name}] has values that are not finite")
    falls = np.flatnonzero(times[1:] <= times[:-1])
    if len(falls):
        first = falls[0]
        raise DataError(
            f"output [{name}]: timestamps must rise, {times[first + 1]} comes after {times[first]}"
        )


def _stream(name: str, kind: str | DataStream) -> DataStream:
    return kind if isinstance(kind, DataStream) else stub_stream(name, kind)


def _layout_of(data: Any) -> str:
    first = data[0] if _is_list_of_arrays(data) else data
    if isinstance(first, np.ndarray) and first.dtype.names:
        values = first.dtype["data"]
        return f"{values.base.name}_{values.shape[0] if values.shape else 1}"
    return f"float32_{matrix(first).shape[1] - 1}"


def _intervals(data: Any, stream: DataStream) -> list[Rows]:
    layout = stream.rows_layout
    pieces: Sequence[Any] = data if _is_list_of_arrays(data) else [data]
    return [as_rows(piece, layout) for piece in pieces]


def _is_list_of_arrays(data: Any) -> bool:
    return isinstance(data, (list, tuple)) and bool(data) and isinstance(data[0], np.ndarray)
