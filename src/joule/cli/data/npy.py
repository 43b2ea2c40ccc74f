"""Rows in a ``.npy`` file: the records of the stream, ``timestamp`` and ``data``.

``numpy.load`` gives the array that ``Node.data_read_array`` would. Interval breaks are not kept.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy_format

from joule.models.layout import packed

if TYPE_CHECKING:
    from joule.cli.data.columns import Columns
    from joule.models.layout import Rows


class NpySink:
    """Writes the chosen columns of rows; the number of rows is put into the head at the end."""

    def __init__(self, path: str, columns: Columns) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close
        self._columns = columns
        self._dtype: np.dtype[np.void] | None = None
        self._count = 0

    def write(self, rows: Rows) -> None:
        """Append ``(n,)`` rows."""
        values = self._columns.take(rows)
        if self._dtype is None:
            shape = (values.shape[1],)
            self._dtype = np.dtype([("timestamp", "<i8"), ("data", values.dtype, shape)])
            self._file.write(_head(self._dtype, 0))
        chosen = np.empty(len(rows), self._dtype)
        chosen["timestamp"] = rows["timestamp"]
        chosen["data"] = values
        self._file.write(packed(chosen).data)
        self._count += len(rows)

    def end_interval(self) -> None:
        """Do nothing: the format has no breaks."""

    def close(self) -> None:
        """Finish the file."""
        if self._dtype is not None:
            self._file.seek(0)
            self._file.write(_head(self._dtype, self._count))
        self._file.close()


def _head(dtype: np.dtype[np.void], count: int) -> bytes:
    """Give the head of a file with so many rows; numpy leaves room for the count to grow."""
    head = io.BytesIO()
    descr = npy_format.dtype_to_descr(dtype)
    npy_format.write_array_header_1_0(
        head, {"descr": descr, "fortran_order": False, "shape": (count,)}
    )
    return head.getvalue()
