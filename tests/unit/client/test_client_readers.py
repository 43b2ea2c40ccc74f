"""The readers that come with Joule, and readers run by hand."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.client import ReaderModule
from joule.client.builtins.file_reader import FileReader
from joule.client.builtins.host_reader import (
    HostReader,
    data_stream_conf,
    host_elements,
    module_conf,
)
from joule.client.builtins.random_reader import RandomReader
from joule.client.builtins.random_reader.random_reader import timestamps
from joule.client.terminal_pipe import TerminalPipe
from joule.config.module_conf import module_from_conf
from joule.config.stream_conf import data_stream_from_conf
from joule.errors import ConfigurationError, PipeError
from joule.models.pipes import LocalPipe, compute_dtype
from joule.utilities import time_now
from tests.unit.client.support import args, intervals_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


def start(module: ReaderModule, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["module", *words])
    module.start()


async def run_until(
    module: ReaderModule, parsed: Any, output: LocalPipe, enough: Callable[[], bool]
) -> None:
    """Run a reader and ask it to stop when enough has been written."""

    class Watch(LocalPipe):
        async def write(self, data: Any) -> None:
            await super().write(data)
            if enough():
                module.stop()

    watch = Watch(output.layout)
    output.subscribe(watch)
    async with asyncio.timeout(20):
        await module.run(parsed, output)


# ------------------------------------------------------------------ by hand


class Printer(ReaderModule):
    async def run(self, parsed_args: Any, output: Any) -> None:
        await output.write(np.array([[1_700_000_000_000_001, 2, 3.5]]))
        await output.close_interval()
        rows = np.zeros(1, dtype=compute_dtype("float32_2"))
        rows["timestamp"], rows["data"] = 5, [1, 0.5]
        await output.write(rows)
        await output.write([6, 1])
        output.close_interval_nowait()
        output.enable_cache(100)
        await output.flush_cache()


def test_a_reader_without_a_module_file_prints_its_rows_and_needs_no_node(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start(Printer(), monkeypatch)
    out, err = capsys.readouterr()
    assert out == "1700000000000001 2.0 3.5\n5 1.0 0.5\n6 1.0\n"
    assert err == "--- interval gap ---\n--- interval gap ---\n"


async def test_a_terminal_refuses_what_are_no_rows() -> None:
    pipe = TerminalPipe()
    with pytest.raises(PipeError, match="invalid data type"):
        await pipe.write(5)
    await pipe.close()
    with pytest.raises(PipeError, match="closed"):
        await pipe.write([[1, 2]])


# ------------------------------------------------------------------ random


async def test_random_rows_are_exactly_spaced_from_now_on() -> None:
    output, rate = LocalPipe("float32_3"), 333.0
    module, before = RandomReader(), time_now()
    await run_until(module, args(width=3, rate=rate), output, lambda: output._backlog.rows > 60)
    (data,) = await intervals_in(output)
    times = data["timestamp"]
    assert before <= times[0] <= time_now()
    expected = times[0] + np.floor(np.arange(len(times)) * 1e6 / rate)
    np.testing.assert_array_equal(times, expected)
    assert ((data["data"] >= 0) & (data["data"] < 1)).all()
    assert times[-1] <= time_now()


async def test_random_rows_come_several_times_a_second() -> None:
    output, writes = LocalPipe("float32_1"), 0
    module, before = RandomReader(), time_now()

    def enough() -> bool:
        nonlocal writes
        writes += 1
        return writes == 5

    await run_until(module, args(width=1, rate=1000.0), output, enough)
    assert time_now() - before < 2e6


def test_timestamps_do_not_drift_and_never_decrease() -> None:
    rate = 7.3
    whole = timestamps(1_700_000_000_000_000, 0, 100_000, rate)
    assert (np.diff(whole) > 0).all()
    late = timestamps(1_700_000_000_000_000, 99_990, 10, rate)
    np.testing.assert_array_equal(late, whole[-10:])
    assert whole[73_000] == 1_700_000_000_000_000 + 10_000 * 1_000_000


@pytest.mark.parametrize("rate", [0.0, -1.0, 2e6, float("nan")])
async def test_a_rate_that_cannot_be_is_refused(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="rate must be above 0"):
        await RandomReader().run(args(width=1, rate=rate), LocalPipe("float32_1"))


async def test_the_width_must_be_that_of_the_output() -> None:
    with pytest.raises(ConfigurationError, match="must have 3 elements, not 1"):
        await RandomReader().run(args(width=3, rate=1.0), LocalPipe("float32_1"))


# ------------------------------------------------------------------ host


async def test_the_host_reader_writes_a_value_per_element() -> None:
    elements = host_elements()
    output = LocalPipe(f"float32_{len(elements)}")
    module = HostReader()
    await run_until(module, args(rate=50.0), output, lambda: output._backlog.rows >= 3)
    (data,) = await intervals_in(output)
    assert (np.diff(data["timestamp"]) > 0).all()
    assert np.isfinite(data["data"]).all()
    assert (data["data"] >= 0).all()
    names = [element.name for element in elements]
    memory = data["data"][:, names.index("Memory")]
    assert ((memory > 0) & (memory <= 100)).all()


async def test_the_host_reader_says_how_to_get_the_right_stream() -> None:
    with pytest.raises(ConfigurationError, match=r"elements, not 1; \[joule-host-reader --print"):
        await HostReader().run(args(rate=1.0), LocalPipe("float32_1"))


def test_its_configuration_files_can_be_used(tmp_path: Path) -> None:
    stream = data_stream_from_conf(data_stream_conf("/live/pc"), tmp_path / "host.conf")
    assert stream.path == "/live/pc"
    expected = [(element.name, element.units) for element in host_elements()]
    assert [(element.name, element.units) for element in stream.stream.elements] == expected
    module = module_from_conf(module_conf("/live/pc", 2), tmp_path / "module.conf")
    assert module.command == ["joule-host-reader"]
    assert module.arguments == {"rate": "2"}
    assert module.outputs["output"].path == "/live/pc"


def test_it_prints_them_and_takes_its_flags_in_any_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start(HostReader(), monkeypatch, "--print-config", "--path", "/live/pc")
    out = capsys.readouterr().out
    assert data_stream_conf("/live/pc") in out
    assert module_conf("/live/pc") in out


# ------------------------------------------------------------------ files


def file_args(file: Path, **values: Any) -> Any:
    given = {"position": str(file), "file": "", "delimiter": ",", "timestamp": "no"}
    return args(**(given | values))


async def test_lines_become_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "data.csv"
    file.write_text("1700000000000001, 1.5, 2\n\nnoise\n3,4\n1700000000000002,3,-4e1")
    output = LocalPipe("float32_2")
    await FileReader().run(file_args(file), output)
    (data,) = await intervals_in(output)
    assert data["timestamp"].tolist() == [1_700_000_000_000_001, 1_700_000_000_000_002]
    assert data["data"].tolist() == [[1.5, 2], [3, -40]]
    assert "line 3 is skipped, it is not numbers" in caplog.text
    assert "line 4 is skipped, it has 2 values, not 3" in caplog.text


async def test_rows_may_get_the_time_of_reading(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.write_text("1  2\n3\t4\n")
    output, before = LocalPipe("float32_2"), time_now()
    given = file_args(file, delimiter=" ", timestamp="yes")
    given.position, given.file = "", str(file)
    await FileReader().run(given, output)
    (data,) = await intervals_in(output)
    first, second = data["timestamp"].tolist()
    assert before - 2 <= first < second <= time_now()
    assert data["data"].tolist() == [[1, 2], [3, 4]]


async def test_a_long_file_arrives_whole(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    count = 30_000
    file.write_text("".join(f"{number + 1},{number}\n" for number in range(count)))
    output = LocalPipe("float64_1")
    await FileReader().run(file_args(file), output)
    (data,) = await intervals_in(output)
    np.testing.assert_array_equal(data["data"][:, 0], np.arange(count))


async def test_a_named_pipe_is_read_as_lines_come_and_until_its_writer_leaves(
    tmp_path: Path,
) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    output = LocalPipe("float32_1")
    task = asyncio.ensure_future(FileReader().run(file_args(path), output))
    while True:  # a writer cannot open it before the reader has
        await asyncio.sleep(0)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            continue
    os.write(fd, b"1,10\n2,")
    async with asyncio.timeout(20):
        assert (await output.read())["timestamp"].tolist() == [1]
        os.write(fd, b"20\n")
        assert (await output.read())["data"].tolist() == [[10], [20]]
        os.close(fd)
        await task


async def test_what_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    output = LocalPipe("float32_1")
    cases: list[tuple[Awaitable[None], str]] = [
        (FileReader().run(file_args(tmp_path / "none"), output), "cannot read file"),
        (FileReader().run(file_args(tmp_path, position=""), output), "specify the file"),
        (FileReader().run(file_args(tmp_path, timestamp="maybe"), output), "timestamp must be"),
    ]
    for run, text in cases:
        with pytest.raises(ConfigurationError, match=text):
            await run
