"""Lines of text from a file, a named pipe or a device, as blocks of numbers."""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING

import numpy as np

from joule.errors import ConfigurationError
from joule.models.pipes import DescriptorReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

_READ_BYTES = 64 << 10
_LINE_BYTES = 1 << 20
"""A longer line is no line of numbers."""


async def blocks(
    path: str, delimiter: str, columns: int | None
) -> AsyncIterator[NDArray[np.float64]]:
    """Give the lines of a file as ``(n, columns)`` values, as soon as they are there.

    Without ``columns`` the first line of numbers decides. Other lines are skipped with a warning,
    empty ones silently. Ends at the end of the file, for a named pipe when its writer closes it.
    """
    reader = open_source(path)
    rest, number = b"", 0
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):
            await reader.ready()  # before its writer comes, a named pipe looks ended
        while chunk := await reader.read(_READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LINE_BYTES:
                raise ConfigurationError(f"[{path}] does not look like lines of numbers")
            block = parse(lines, delimiter, columns, number)
            number += len(lines)
            columns = columns or block.shape[1] or None
            yield block
        yield parse([rest], delimiter, columns, number)
    finally:
        reader.close()


def open_source(path: str) -> DescriptorReader:
    """Open a file without waiting for anybody; ``ConfigurationError`` when it cannot be read."""
    try:
        return DescriptorReader(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        raise ConfigurationError(f"cannot read file [{path}]: {error.strerror}") from error


def parse(
    lines: list[bytes], delimiter: str, columns: int | None, skipped: int
) -> NDArray[np.float64]:
    """Make numbers out of lines; ``skipped`` lines came before them."""
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=skipped + 1):
        if not line.strip():
            continue
        try:
            row = [
                float(value)
                for value in line.split(None if delimiter == " " else delimiter.encode())
            ]
        except ValueError:
            _log.warning("line %d is skipped, it is not numbers: %.60r", number, line)
            continue
        columns = columns or len(row)
        if len(row) == columns:
            rows.append(row)
        else:
            _log.warning("line %d is skipped, it has %d values, not %d", number, len(row), columns)
    return np.array(rows, dtype=np.float64).reshape(len(rows), columns or 0)
