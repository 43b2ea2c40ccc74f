"""The formats that data can be written in, and how the name of a file tells them."""

from __future__ import annotations

import os

FORMATS = ("text", "csv", "hdf5", "npy", "parquet")

_SUFFIXES = {".csv": "csv", ".npy": "npy", ".parquet": "parquet", ".txt": "text"}


def format_of(path: str) -> str:
    """Give the format that the name of a file ends on, HDF5 when it says nothing."""
    return _SUFFIXES.get(os.path.splitext(path)[1].lower(), "hdf5")
