"""What a file must offer to be stored, and the check it has to pass first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import click
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from joule.models.layout import Layout, Rows
    from joule.models.streams import Element


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file; ``places`` are their line or row numbers in it.

    ``begins`` says that an interval begins with them.
    """

    rows: Rows
    begins: bool
    places: NDArray[np.int64]


class Contents(NamedTuple):
    """First and last timestamp of a file, and how many rows it has."""

    first: int
    last: int
    rows: int


class RowFile(Protocol):
    """A file with rows; a context manager that closes it."""

    path: str
    unit: str
    """What its rows are counted in: ``line`` or ``row``."""

    @property
    def layout(self) -> Layout:
        """The layout of the rows."""

    def take_datatype(self, datatype: str | None) -> None:
        """Read the values as this datatype, if the file leaves that open."""

    def attribute(self, name: str) -> str | None:
        """Give what the file says about itself, None when it does not."""

    def elements(self) -> list[Element]:
        """Give the elements as the file describes them, none if it does not."""

    def parts(self) -> Iterator[Part]:
        """Give all rows in order; ``ClickException`` for what is no row."""

    def __enter__(self) -> RowFile: ...

    def __exit__(self, *_: object) -> None: ...


def check(file: RowFile) -> Contents:
    """Read all of a file and give what is in it.

    Raises ``ClickException`` with file, line and reason unless there are rows, their timestamps
    strictly increase and all values are finite: what a node would refuse half-way.
    """
    first = last = None
    count = 0
    for part in file.parts():
        times = part.rows["timestamp"]
        _check_times(file, part, last)
        _check_values(file, part)
        first = int(times[0]) if first is None else first
        last = int(times[-1])
        count += len(times)
    if first is None or last is None:
        raise click.ClickException("There is no data in the data file")
    return Contents(first, last, count)


def _check_times(file: RowFile, part: Part, last: int | None) -> None:
    times = part.rows["timestamp"]
    before = np.concatenate([times[:1] - 1 if last is None else [last], times[:-1]])
    falls = times <= before
    if falls.any():
        at = int(falls.argmax())
        raise click.ClickException(
            "Timestamps in the data file are not monotonic: "
            f"{place(file, part, at)}: {times[at]} comes after {before[at]}"
        )


def _check_values(file: RowFile, part: Part) -> None:
    good = np.isfinite(part.rows["data"]).all(axis=1)
    if not good.all():
        at = int((~good).argmax())
        raise click.ClickException(
            f"Invalid values (NaN or Inf) in the data file: {place(file, part, at)}"
        )


def place(file: RowFile, part: Part, index: int) -> str:
    """Name the place of a row: ``rows.csv, line 7``."""
    return f"{os.path.basename(file.path)}, {file.unit} {part.places[index]}"
