"""What can be measured of the machine, and how much it is at the moment.

The number of values stays what it was at the start, whatever is plugged in, unplugged or switched
off while it runs; nor does what is absent, or has counted from zero again, make a peak.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import psutil

from joule.models.streams import Element

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Counters: TypeAlias = "Mapping[str, tuple[int, ...]]"
"""Counts of bytes by device."""

_ABSENT = (OSError, ValueError, NotImplementedError)
"""What psutil raises where a part of the system is absent or hidden, in a container say."""

_LOOPBACK = "lo"
_TEMPERATURE_PERIOD_S = 1.0
"""Sensors are slow to answer, some take milliseconds, and slow to change."""


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
        """Give the share of time in which each core was busy, 0 for one that is switched off."""
        values: list[float] = psutil.cpu_percent(percpu=True)
        size = len(self.elements)
        return (values + [0.0] * size)[:size]


class Memory:
    """How much of the main memory is in use."""

    def __init__(self) -> None:
        self.elements = [Element("Memory", "%")]

    def read(self) -> Sequence[float]:
        """Give the share that is in use."""
        return [psutil.virtual_memory().percent]


class Rates:
    """How fast counters of bytes grew since the last reading, all devices together.

    A device that was not there then, or whose counter has wrapped since, adds nothing this time.
    """

    def __init__(
        self,
        names: Sequence[str],
        count: Callable[[], Counters],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.elements = [Element(name, "B/s") for name in names]
        self._count = count
        self._clock_s = clock_s
        self._last = count()
        self._last_s = clock_s()

    def read(self) -> Sequence[float]:
        """Give bytes per second."""
        counts, now_s = self._count(), self._clock_s()
        elapsed_s = max(now_s - self._last_s, 1e-6)
        grown = [0] * len(self.elements)
        for device, values in counts.items():
            for index, before in enumerate(self._last.get(device, values)):
                grown[index] += max(0, values[index] - before)
        self._last, self._last_s = counts, now_s
        return [count / elapsed_s for count in grown]


class Temperatures:
    """What the sensors of the machine say; a sensor that falls silent keeps its last value."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._values = _temperatures()
        self._read_s = clock_s()
        self.elements = [Element(name, "°C") for name in self._values]

    def read(self) -> Sequence[float]:
        """Give degrees Celsius, at most a second old."""
        if self._values and self._clock_s() - self._read_s >= _TEMPERATURE_PERIOD_S:
            now = _temperatures()
            self._values = {name: now.get(name, value) for name, value in self._values.items()}
            self._read_s = self._clock_s()
        return list(self._values.values())


class HostMeter:
    """All gauges that this machine has, in a fixed order."""

    def __init__(self) -> None:
        self._gauges: list[Gauge] = [
            Cores(),
            Memory(),
            Rates(("Disk read", "Disk write"), _disk_bytes),
            Rates(("Network in", "Network out"), _network_bytes),
            Temperatures(),
        ]

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


def _disk_bytes() -> Counters:
    try:
        found = psutil.disk_io_counters(perdisk=True, nowrap=False)
    except _ABSENT:
        return {}
    names = hardware(found, "/sys/block")
    return {name: (found[name].read_bytes, found[name].write_bytes) for name in names}


def _network_bytes() -> Counters:
    try:
        found = psutil.net_io_counters(pernic=True, nowrap=False)
    except _ABSENT:
        return {}
    names = hardware((name for name in found if name != _LOOPBACK), "/sys/class/net")
    return {name: (found[name].bytes_recv, found[name].bytes_sent) for name in names}


def hardware(names: Iterable[str], folder: str) -> list[str]:
    """Leave out what lies on other devices and would be counted twice: partitions, bridges...

    ``folder`` is where the system lists devices of this kind. All are given where it cannot be
    told, in a container for example.
    """
    given = list(names)
    return [name for name in given if os.path.exists(f"{folder}/{name}/device")] or given


def _temperatures() -> dict[str, float]:
    """Give the current temperature of each sensor, under names that are all different."""
    read = getattr(psutil, "sensors_temperatures", dict)  # not on every platform
    try:
        chips: Mapping[str, Sequence[Any]] = read()
    except _ABSENT:
        return {}
    values: dict[str, float] = {}
    for chip, sensors in chips.items():
        for number, sensor in enumerate(sensors):
            name = f"{chip} {sensor.label or number}"
            values[name if name not in values else f"{name} {number}"] = sensor.current
    return values
