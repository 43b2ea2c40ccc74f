"""Files of comma separated values that can be stored, as :mod:`csv_rows` writes them.

A line has a timestamp in UNIX us and a value for each element. A first line that is no row names
the columns. Empty lines and lines that begin with ``#`` are skipped; ``# interval break`` ends an
interval. Blocks are read by numpy; only one that it refuses is looked at line by line.
"""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING

import click
import numpy as np

from joule.cli.data.csv_rows import BREAK
from joule.cli.data.row_file import Part
from joule.models.layout import Layout
from joule.models.streams import Element

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.layout import Rows

BLOCK_LINES = 32 * 1024
UNKNOWN_DATATYPE = "float64"


class CsvSource:
    """A file of lines; a context manager that closes it."""

    unit = "line"

    def __init__(self, path: str) -> None:
        self.path = path
        self.datatype = UNKNOWN_DATATYPE
        self._file = open(path, encoding="utf-8-sig", newline="")  # noqa: SIM115 - see __exit__
        try:
            self._names, self._width = self._look()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> CsvSource:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def layout(self) -> Layout:
        """The layout of the rows."""
        return Layout(self.datatype, self._width)

    def take_datatype(self, datatype: str | None) -> None:
        """Read the values as this datatype; without one as float64."""
        self.datatype = datatype or UNKNOWN_DATATYPE

    def attribute(self, name: str) -> str | None:
        """Give None: lines say nothing about themselves."""
        return None

    def elements(self) -> list[Element]:
        """Give an element for each name in the header, none without one."""
        return [Element(name) for name in self._names]

    def parts(self) -> Iterator[Part]:
        """Give all rows in order; ``ClickException`` names the first line that is none."""
        self._file.seek(0)
        begins, lines, numbers = True, list[str](), list[int]()
        for number, text in enumerate(self._texts(), 1):
            line = text.strip()
            is_break = line == BREAK
            if line and line[0] != "#" and not (number == self._header and self._names):
                lines.append(line)
                numbers.append(number)
            if lines and (is_break or len(lines) >= BLOCK_LINES):
                yield self._part(lines, numbers, begins)
                begins, lines, numbers = False, [], []
            begins = begins or is_break
        if lines:
            yield self._part(lines, numbers, begins)

    def _texts(self) -> Iterator[str]:
        try:
            for text in self._file:  # noqa: UP028 - "yield from" would close the file
                yield text
        except UnicodeDecodeError as error:
            raise click.ClickException(f"Data file [{self.path}] is not a text file") from error

    def _look(self) -> tuple[list[str], int]:
        """Find the first line that is no comment: the names in it, if it is a header, and width."""
        self._header = 0
        for number, text in enumerate(self._texts(), 1):
            if text.strip() and not text.startswith("#"):
                cells = next(csv.reader([text]))
                if len(cells) < 2:
                    break
                self._header = number
                is_header = not _fits(cells[0].strip(), "float64")
                return [cell.strip() for cell in cells[1:]] if is_header else [], len(cells) - 1
        raise click.ClickException(
            f"Data file [{self.path}] has no lines like [timestamp,value,value]"
        )

    def _part(self, lines: list[str], numbers: list[int], begins: bool) -> Part:
        dtype = self.layout.dtype
        try:
            rows: Rows = np.loadtxt(lines, dtype, delimiter=",", comments=None, ndmin=1)
        except (ValueError, OverflowError) as error:
            for line, number in zip(lines, numbers, strict=True):
                self._check_line(line, number)
            raise click.ClickException(f"Data file [{self.path}]: {error}") from error
        return Part(rows, begins, np.array(numbers))

    def _check_line(self, line: str, number: int) -> None:
        """Raise ``ClickException`` with the reason when a line is no row."""
        time, *values = (cell.strip() for cell in line.split(","))
        if not _fits(time, "int64"):
            raise self._fault(number, f"[{time}] is not a timestamp, a whole number of UNIX us")
        if len(values) != self._width:
            raise self._fault(number, f"there are {len(values)} values, not {self._width}")
        for value in values:
            if not _fits(value, self.datatype):
                raise self._fault(number, f"[{value}] is not a value of datatype {self.datatype}")

    def _fault(self, number: int, reason: str) -> click.ClickException:
        return click.ClickException(f"{os.path.basename(self.path)}, line {number}: {reason}")


def _fits(text: str, datatype: str) -> bool:
    try:
        np.loadtxt([text], datatype, delimiter=",", comments=None)
    except (ValueError, OverflowError):
        return False
    return bool(text)
