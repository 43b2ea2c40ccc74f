"""What the host reader measures, on machines of any shape."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from joule.client.builtins.host_reader import HostReader, data_stream_conf, host_elements
from joule.client.builtins.host_reader.columns import Columns
from joule.client.builtins.host_reader.meter import Cores, HostMeter, Rates, Temperatures, hardware
from joule.config.stream_conf import data_stream_from_conf
from joule.errors import ConfigurationError
from joule.models.pipes import LocalPipe
from joule.models.streams import DataStream, Element
from tests.unit.client.support import args, intervals_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Seconds:
    """A clock that goes on by one second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def counting(*readings: dict[str, tuple[int, ...]]) -> Callable[[], dict[str, tuple[int, ...]]]:
    left: Iterator[dict[str, tuple[int, ...]]] = iter(readings)
    return lambda: next(left)


def rates(*readings: dict[str, tuple[int, ...]]) -> list[list[float]]:
    meter = Rates(("in", "out"), counting(*readings), Seconds())
    return [list(meter.read()) for _ in readings[1:]]


def test_rates_are_the_growth_of_all_devices_per_second() -> None:
    assert rates({"a": (0, 5), "b": (7, 7)}, {"a": (10, 5), "b": (8, 9)}) == [[11, 2]]


def test_a_counter_that_wraps_or_starts_again_makes_no_peak() -> None:
    assert rates({"a": (2**32 - 1, 9)}, {"a": (5, 10)}, {"a": (25, 10)}) == [[0, 1], [20, 0]]


def test_devices_may_come_and_go() -> None:
    readings: list[dict[str, tuple[int, ...]]] = [{"a": (100, 1)}, {}, {"a": (900, 1)}]
    assert rates(*readings, {"a": (901, 1), "b": (10**9, 0)}) == [[0, 0], [0, 0], [1, 0]]


def test_cores_that_are_switched_off_or_on_do_not_change_the_number_of_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [1.0, 2.0]
    monkeypatch.setattr(psutil, "cpu_percent", lambda percpu: list(found))
    cores = Cores()
    assert cores.read() == [1.0, 2.0]
    found = [1.0]
    assert cores.read() == [1.0, 0.0]
    found = [1.0, 2.0, 3.0]
    assert cores.read() == [1.0, 2.0]


def test_sensors_are_asked_once_a_second_and_keep_their_last_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chips: dict[str, Any] = {"cpu": [SimpleNamespace(label="", current=40.0)]}
    asked: list[int] = []

    def ask() -> dict[str, Any]:
        asked.append(1)
        return chips

    monkeypatch.setattr(psutil, "sensors_temperatures", ask, raising=False)
    clock = SimpleNamespace(now=0.0)
    sensors = Temperatures(lambda: clock.now)
    assert [element.name for element in sensors.elements] == ["cpu 0"]
    assert sensors.read() == [40.0]
    assert len(asked) == 1
    clock.now, chips = 1.0, {}
    assert sensors.read() == [40.0]
    assert len(asked) == 2


def test_a_machine_that_shows_nothing_of_itself_is_measured_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError("/proc/diskstats")

    for name in ("disk_io_counters", "net_io_counters", "sensors_temperatures"):
        monkeypatch.setattr(psutil, name, absent, raising=False)
    meter = HostMeter()
    values = dict(zip((e.name for e in meter.elements), meter.read(), strict=True))
    assert values["Disk read"] == values["Network in"] == 0
    assert values["Memory"] > 0


def test_partitions_and_disks_on_other_disks_are_not_counted_twice(tmp_path: Path) -> None:
    (tmp_path / "sda" / "device").mkdir(parents=True)
    (tmp_path / "dm-0").mkdir()
    assert hardware(["sda", "sda1", "dm-0"], str(tmp_path)) == ["sda"]
    assert hardware(["disk0"], str(tmp_path)) == ["disk0"]


def test_a_sensor_may_have_a_percent_sign_in_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chips = {"fan": [SimpleNamespace(label="100%", current=1.0)]}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: chips, raising=False)
    stream = data_stream_from_conf(data_stream_conf(), tmp_path / "host.conf").stream
    assert stream.elements[-1].name == "fan 100%"


def test_values_find_their_elements_by_name() -> None:
    columns = Columns(["a", "b", "c"], ["c", "x", "a"])
    assert columns.arrange([1.0, 2.0, 3.0]) == [3.0, 0.0, 1.0]
    assert (columns.missing, columns.left_out) == (["x"], ["b"])


async def test_a_stream_made_for_another_machine_gets_what_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    elements = [Element("Memory", "%"), Element("CPU 99", "%")]
    module = HostReader()

    class Once(LocalPipe):
        async def write(self, data: Any) -> None:
            await super().write(data)
            module.stop()

    once = Once(stream=DataStream("host", elements=elements))
    await module.run(args(rate=50.0), once)
    (rows,) = await intervals_in(once)
    assert rows["data"][0, 0] > 0
    assert rows["data"][0, 1] == 0
    notes = capsys.readouterr().err
    assert "[CPU 99] is not on this machine and stays 0" in notes
    assert "CPU 0" in notes


async def test_without_a_single_name_in_common_nothing_is_written() -> None:
    stream = DataStream("host", elements=[Element("x")])
    pipes = json.dumps({"inputs": {}, "outputs": {}})
    for output in (LocalPipe(stream=stream), LocalPipe("float32_1")):
        with pytest.raises(ConfigurationError, match=f"{len(host_elements())} elements, not 1"):
            await HostReader().run(args(rate=1.0, pipes=pipes), output)
