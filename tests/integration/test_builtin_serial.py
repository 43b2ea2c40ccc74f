"""joule-serial-reader on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from joule.client.builtins.serial_reader import SerialReader
from joule.errors import ConfigurationError
from tests.integration.readers import Sink, again_and_again, logged, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Instrument:
    """A device that can be plugged in and out, always under the same path."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._end: int | None = None

    def plug(self) -> None:
        self._end, slave = os.openpty()
        os.set_blocking(self._end, False)
        os.symlink(os.ttyname(slave), self.path)
        os.close(slave)

    def unplug(self) -> None:
        if self._end is not None:
            os.unlink(self.path)
            os.close(self._end)
            self._end = None

    async def send(self, text: str) -> None:
        assert self._end is not None
        with suppress(BlockingIOError):  # nobody listens yet
            os.write(self._end, text.encode())


@pytest.fixture
def instrument(tmp_path: Path) -> Iterator[Instrument]:
    made = Instrument(tmp_path / "ttyUSB0")
    made.plug()
    yield made
    made.unplug()


async def test_lines_become_rows(instrument: Instrument) -> None:
    sink = Sink("float32_2")
    async with (
        running(SerialReader(), sink, "1\n3 scale=0.1", "--device", instrument.path),
        again_and_again(lambda n: instrument.send(f"{n}, text, {n * 10}\r\n")),
    ):
        await sink.rows(5)
    (rows,) = sink.intervals
    first = int(rows[0][1][0])
    assert [values for _, values in rows] == [[n, n] for n in range(first, first + len(rows))]
    assert first > 1, "the first line may have begun before we listened"


async def test_a_fast_line_loses_nothing_and_its_times_are_its_own(instrument: Instrument) -> None:
    sink = Sink("int64_1")
    words = ("--device", instrument.path, "--baud", "115200", "--timestamp", "t")
    pattern = ("--pattern", r"T=(?P<t>\d+) V=(?P<v>-?\d+)")

    async def burst(number: int) -> None:
        lines = range(number * 20, number * 20 + 20)
        await instrument.send("".join(f"T={line} V={-line}\n" for line in lines))

    async with (
        running(SerialReader(), sink, "v", *words, *pattern),
        again_and_again(burst),
    ):
        await sink.rows(200)
    (rows,) = sink.intervals
    first = -int(rows[0][1][0])
    assert rows == [(n * 1_000_000, [-n]) for n in range(first, first + len(rows))]


async def test_a_device_that_is_plugged_in_again_is_read_again(
    instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink("float32_1")
    async with running(SerialReader(), sink, "1", "--device", instrument.path, "--gap", "0.3"):
        async with again_and_again(lambda n: instrument.send(f"{n}\n")):
            await sink.rows(3)
        instrument.unplug()
        await logged(lambda: caplog.text, f"port [{instrument.path}]: ")
        await logged(lambda: caplog.text, "No such file or directory")
        await asyncio.sleep(0.4)
        instrument.plug()
        async with again_and_again(lambda n: instrument.send(f"{1000 + n}\n")):
            await sink.until(lambda: len(sink.intervals) > 1)
            await sink.rows(2)
    before, after = sink.intervals
    assert all(value < 1000 for _, (value,) in before)
    assert all(value > 1000 for _, (value,) in after)


async def test_bad_lines_are_left_out_with_a_reason(
    instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink("float32_1")
    async with (
        running(SerialReader(), sink, "2", "--device", instrument.path),
        again_and_again(lambda n: instrument.send(f"# noise\n1,{n}\n1,\xff\n")),
    ):
        await sink.rows(3)
    assert "is left out: " in caplog.text
    assert "is not a number" in caplog.text


async def test_a_port_in_use_is_said(
    instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink("float32_1")
    async with (
        running(SerialReader(), sink, "1", "--device", instrument.path),
        again_and_again(lambda n: instrument.send(f"{n}\n")),
    ):
        await sink.rows(1)
        async with running(SerialReader(), Sink("float32_1"), "1", "--device", instrument.path):
            await logged(lambda: caplog.text, "exclusively lock port")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ((), r"set \[device\]"),
        (("--device", "/dev/x", "--parity", "Q"), "parity must be one of"),
        (("--device", "/dev/x", "--baud", "fast"), "baud must be a number above 0"),
        (("--device", "/dev/x", "--flow", "some"), "flow must be one of"),
    ],
)
async def test_a_bad_configuration_is_refused(words: tuple[str, ...], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        async with running(SerialReader(), Sink("float32_1"), "1", *words):
            await asyncio.sleep(0)
