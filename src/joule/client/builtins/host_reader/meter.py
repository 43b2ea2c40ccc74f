"""What can be measured of the machine, and how much it is at the moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import psutil

from joule.models.streams import Element

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Gauge(Protocol):
    """A group of elements that are read together."""

    elements: list[Element]

    def read(self) -> Sequence[float]:
        """Give one value per element."""
        ...


class Cores:
    """How busy each core was since the last reading."""

    def __init__(self) -> None:
        busy = psutil.cpu_percent(percpu=True)  # the readings that follow are relative to this
        self.elements = [Element(f"CPU {core}", "%") for core in range(len(busy))]

    def read(self) -> Sequence[float]:
        """Give the share of time in which each core was busy."""
        values: list[float] = psutil.cpu_percent(percpu=True)
        return values


class Memory:
    """How much of the main memory is in use."""

    def __init__(self) -> None:
        self.elements = [Element("Memory", "%")]

    def read(self) -> Sequence[float]:
        """Give the share that is in use."""
        return [psutil.virtual_memory().percent]


class Rates:
    """How fast counters of bytes grew since the last reading."""

    def __init__(self, names: Sequence[str], count: Callable[[], Sequence[int]]) -> None:
        self.elements = [Element(name, "B/s") for name in names]
        self._count = count
        self._last = count()
        self._last_s = time.monotonic()

    def read(self) -> Sequence[float]:
        """Give bytes per second."""
        counts, now_s = self._count(), time.monotonic()
        elapsed_s = max(now_s - self._last_s, 1e-6)
        pairs = zip(counts, self._last, strict=True)
        values = [max(0, count - last) / elapsed_s for count, last in pairs]
        self._last, self._last_s = counts, now_s
        return values


class Temperatures:
    """What the sensors of the machine say; a sensor that falls silent keeps its last value."""

    def __init__(self) -> None:
        self._values = _temperatures()
        self.elements = [Element(name, "°C") for name in self._values]

    def read(self) -> Sequence[float]:
        """Give degrees Celsius."""
        now = _temperatures()
        self._values = {name: now.get(name, value) for name, value in self._values.items()}
        return list(self._values.values())


class HostMeter:
    """All gauges that this machine has, in a fixed order."""

    def __init__(self) -> None:
        self._gauges: list[Gauge] = [Cores(), Memory()]
        if psutil.disk_io_counters() is not None:
            self._gauges.append(Rates(("Disk read", "Disk write"), _disk_bytes))
        if psutil.net_io_counters() is not None:
            self._gauges.append(Rates(("Network in", "Network out"), _network_bytes))
        self._gauges.append(Temperatures())

    @property
    def elements(self) -> list[Element]:
        """Names and units of the values, as elements of a stream."""
        elements = [element for gauge in self._gauges for element in gauge.elements]
        for index, element in enumerate(elements):
            element.index = index
        return elements

    def read(self) -> list[float]:
        """Give one value per element; rates are since the last reading."""
        return [float(value) for gauge in self._gauges for value in gauge.read()]


def host_elements() -> list[Element]:
    """Give the elements that a host reader writes on this machine."""
    return HostMeter().elements


def _disk_bytes() -> Sequence[int]:
    counters = psutil.disk_io_counters()
    return (counters.read_bytes, counters.write_bytes) if counters else (0, 0)


def _network_bytes() -> Sequence[int]:
    counters = psutil.net_io_counters()
    return (counters.bytes_recv, counters.bytes_sent) if counters else (0, 0)


def _temperatures() -> dict[str, float]:
    """Give the current temperature of each sensor, under names that are all different."""
    read = getattr(psutil, "sensors_temperatures", dict)  # not on every platform
    values: dict[str, float] = {}
    for chip, sensors in read().items():
        for number, sensor in enumerate(sensors):
            name = f"{chip} {sensor.label or number}"
            values[name if name not in values else f"{name} {number}"] = sensor.current
    return values
