"""What a benchmark gives, as a table and as JSON, with the conditions it was measured under."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("numpy", "apsw", "zstandard", "aiohttp", "asyncpg")


@dataclass(frozen=True)
class Figure:
    """One measured quantity.

    ``reference`` does the same work in the same run with the least code that does it, ``best`` is
    the most that the machine can do (None: there is no such thing). ``target`` is what ours
    divided by the reference should be at least.
    """

    group: str
    name: str
    unit: str
    ours: float
    reference: float | None = None
    best: float | None = None
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of the reference."""
        return self.ours / self.reference if self.reference else None

    @property
    def ratio_best(self) -> float | None:
        """Ours as a multiple of the most that the machine can do."""
        return self.ours / self.best if self.best else None


class Stopwatch:
    """Times of repeated work, in seconds."""

    def __init__(self) -> None:
        self.times_s: list[float] = []

    def laps(self, count: int) -> Iterator[int]:
        """Time the body of a loop, ``count`` times."""
        for number in range(count):
            start = time.perf_counter()
            yield number
            self.times_s.append(time.perf_counter() - start)

    @property
    def median_s(self) -> float:
        """The time in the middle."""
        return statistics.median(self.times_s)

    def part_s(self, part: float) -> float:
        """The time that this part of all laps did not exceed."""
        times = sorted(self.times_s)
        return times[min(int(len(times) * part), len(times) - 1)]


def conditions(*, full: bool) -> dict[str, Any]:
    """Give what a reader must know to compare figures; nothing that names the machine."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "mode": "full" if full else "quick",
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def cpu_model() -> str:
    """Give the kind of processor, as the system calls it."""
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line for line in file if line.startswith(("model name", "Model"))]
    except OSError:
        lines = []
    return lines[0].partition(":")[2].strip() if lines else platform.machine()


def keep(folder: Path, figures: list[Figure], about: dict[str, Any]) -> Path:
    """Write figures and conditions to a file named after the day and the kind of processor."""
    about = {**about, "load_after": os.getloadavg()[0]}
    folder.mkdir(parents=True, exist_ok=True)
    processor = "-".join("".join(c if c.isalnum() else " " for c in about["cpu"].lower()).split())
    path = folder / f"{about['date']}-{processor}-{about['mode']}.json"
    path.write_text(as_json(figures, about) + "\n")
    return path


def as_table(figures: list[Figure]) -> str:
    rows = [_row(figure) for figure in figures]
    headers = ("", "", "unit", "ours", "reference", "ratio", "target", "best", "ratio")
    return str(tabulate(rows, headers=headers, disable_numparse=True))


def as_json(figures: list[Figure], about: dict[str, Any]) -> str:
    values = [{**asdict(f), "ratio": f.ratio, "ratio_best": f.ratio_best} for f in figures]
    rounded = [{k: _rounded(v) for k, v in value.items() if v is not None} for value in values]
    return json.dumps({"conditions": about, "figures": rounded}, indent=1)


def _row(figure: Figure) -> tuple[str, ...]:
    target = "" if figure.target is None else f">= {figure.target}"
    reference = (_text(figure.reference), _text(figure.ratio), target)
    best = (_text(figure.best), _text(figure.ratio_best))
    return (figure.group, figure.name, figure.unit, _text(figure.ours), *reference, *best)


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
