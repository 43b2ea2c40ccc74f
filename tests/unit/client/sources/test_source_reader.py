"""What a reader does when its source comes and goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from joule.client import arguments
from joule.client.sources import ElementLine, Row, Source, SourceLostError, SourceReader
from joule.errors import ConfigurationError
from joule.models.pipes import LocalPipe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence


class Flaky(Source):
    """Connects as often as there are lists of values; the last connection stays."""

    name = "flaky"

    def __init__(self, *connections: list[float]) -> None:
        self.connections = list(connections)
        self.open = 0
        self.stays, self.is_lost = asyncio.Event(), asyncio.Event()

    async def rows(self) -> AsyncGenerator[Sequence[Row], None]:
        self.open += 1
        try:
            if not self.connections:
                self.stays.set()
                await asyncio.Event().wait()
            for value in self.connections.pop(0):
                yield [Row([value])]
            raise SourceLostError("gone")
        finally:
            self.open -= 1
            self.is_lost.set()


class Reader(SourceReader):
    def __init__(self, source: Flaky) -> None:
        super().__init__()
        self.source = source

    def make_source(self, parsed_args: Any, elements: list[ElementLine]) -> Source:
        return self.source


def parsed(module: SourceReader, *words: str) -> Any:
    return arguments.parse(["--elements", "x", *words], module.custom_args)


async def read(output: LocalPipe, count: int) -> list[float]:
    values: list[float] = []
    async with asyncio.timeout(20):
        while len(values) < count:
            rows = await output.read()
            output.consume(len(rows))
            values += rows["data"][:, 0].tolist()
    return values


async def test_a_source_that_is_lost_is_connected_again(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    source = Flaky([1, 2], [], [], [3])
    module, output = Reader(source), LocalPipe("float32_1")
    args = parsed(module, "--retry", "0.01", "--retry-max", "0.02")
    task = asyncio.create_task(module.run(args, output))
    assert await read(output, 3) == [1, 2, 3]
    await source.stays.wait()
    module.stop()
    await task
    assert source.open == 0
    assert [record.getMessage().rpartition(", ")[2] for record in caplog.records] == [
        f"next attempt in {delay} s" for delay in ("0.01", "0.02", "0.02", "0.01")
    ]
    assert "flaky: gone" in caplog.text
    assert capsys.readouterr().err == "flaky: is back\n"


async def test_a_stop_ends_the_wait_for_the_next_attempt() -> None:
    module = Reader(Flaky([]))
    args = parsed(module, "--retry", "1000", "--retry_max", "1000")
    task = asyncio.create_task(module.run(args, LocalPipe("float32_1")))
    await module.source.is_lost.wait()
    module.stop()
    async with asyncio.timeout(10):
        await task


async def test_one_that_is_stopped_already_does_not_begin() -> None:
    module = Reader(Flaky([1]))
    module.stop()
    await module.run(parsed(module), LocalPipe("float32_1"))
    assert module.source.connections


async def test_a_cancellation_goes_through_and_closes_the_connection() -> None:
    source = Flaky()
    module = Reader(source)
    task = asyncio.create_task(module.run(parsed(module), LocalPipe("float32_1")))
    await source.stays.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.open == 0


async def test_a_fault_in_the_configuration_ends_the_reader() -> None:
    module = Reader(Flaky())
    with pytest.raises(ConfigurationError, match="must have 1 elements, not 2"):
        await module.run(parsed(module), LocalPipe("float32_2"))
    with pytest.raises(ConfigurationError, match="retry must be a number above 0"):
        await module.run(parsed(module, "--retry", "0"), LocalPipe("float32_1"))


async def test_it_prints_the_stream_that_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    module = Reader(Flaky())
    await module.run_alone(parsed(module, "--print-config", "--path", "/a/b"))
    out = capsys.readouterr().out
    assert "name = b\npath = /a\n" in out
    assert "[Element1]\nname = Element 1\n" in out
