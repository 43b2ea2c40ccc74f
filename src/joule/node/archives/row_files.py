"""Rows as the ``.npy`` files of an archive: written whole, read in pieces of bounded size."""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.lib import format as npy

from joule.models.layout import packed
from joule.node.archives.members import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.layout import Layout, Rows

PIECE_BYTES = 1 << 20
_HEADER_BYTES_MAX = 10_000


def write_rows(file: IO[bytes], rows: Rows) -> None:
    """Write rows as a ``.npy`` file."""
    header = {"descr": npy.dtype_to_descr(rows.dtype), "fortran_order": False, "shape": rows.shape}
    npy.write_array_header_1_0(file, header)
    file.write(packed(rows).data)


def read_rows(file: IO[bytes], layout: Layout, name: str) -> Iterator[Rows]:
    """Give the rows of a ``.npy`` file in pieces of about 1 MiB, all of them in ``layout``."""
    try:
        count = _row_count(file, layout, name)
        step = max(1, PIECE_BYTES // layout.row_bytes)
        for done in range(0, count, step):
            wanted = min(step, count - done) * layout.row_bytes
            data = file.read(wanted)
            if len(data) != wanted:
                raise damaged(f"[{name}] ends too early")
            yield layout.view(data)
        if file.read(1):
            raise damaged(f"[{name}] is too long")
    except (ValueError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise damaged(f"[{name}] cannot be read") from error


def _row_count(file: IO[bytes], layout: Layout, name: str) -> int:
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file, max_header_size=_HEADER_BYTES_MAX)
    if len(shape) != 1 or not _is_layout(dtype, layout):
        raise damaged(f"[{name}] holds no rows of layout {layout}")
    return int(shape[0])


def _is_layout(dtype: np.dtype[np.void], layout: Layout) -> bool:
    """Whether rows have this layout; one value may be written without a shape of its own."""
    if dtype.names != ("timestamp", "data") or dtype.itemsize != layout.row_bytes:
        return False
    time, values = dtype["timestamp"], dtype["data"]
    wanted = layout.dtype["data"]
    return time == np.dtype("<i8") and (
        values == wanted or (layout.width == 1 and values == wanted.base)
    )
