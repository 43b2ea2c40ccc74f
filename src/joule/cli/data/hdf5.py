"""Data in HDF5 files.

Datasets ``data`` (rows x elements, the stream's datatype) and ``timestamp`` (rows x 1, UNIX us);
attributes of the root say where the data came from. Interval breaks are not kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import h5py
import numpy as np

from joule.models.base import DATATYPES
from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.cli.data.columns import Columns
    from joule.models.layout import Rows

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

BLOCK_ROWS = 64 * 1024


class HdfSink:
    """Writes the chosen columns of rows to a file, which it makes at the first row."""

    def __init__(self, path: str, columns: Columns, attributes: dict[str, str]) -> None:
        self._path = path
        self._columns = columns
        self._attributes = attributes
        self._file: h5py.File | None = None

    def write(self, rows: Rows) -> None:
        """Append ``(n,)`` rows."""
        values = self._columns.take(rows)
        if self._file is None:
            self._file = self._create(values)
        _append(self._file["timestamp"], rows["timestamp"][:, None])
        _append(self._file["data"], values)

    def end_interval(self) -> None:
        """Do nothing: the format has no breaks."""

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()

    def _create(self, values: Array) -> h5py.File:
        try:
            file = h5py.File(self._path, "w")
        except OSError as error:
            raise click.ClickException(f"cannot write to [{self._path}]: {error}") from error
        file.attrs.update(self._attributes)
        _growable(file, "timestamp", 1, np.dtype("<i8"))
        _growable(file, "data", values.shape[1], values.dtype)
        return file


def _growable(file: h5py.File, name: str, width: int, dtype: np.dtype[Any]) -> None:
    file.create_dataset(
        name, (0, width), dtype, maxshape=(None, width), chunks=True, compression="gzip"
    )


def _append(dataset: h5py.Dataset, values: Array) -> None:
    count = len(dataset)
    dataset.resize(count + len(values), axis=0)
    dataset[count:] = values


class HdfSource:
    """A file of the form that :class:`HdfSink` writes; a context manager.

    Raises ``ClickException`` when it is something else.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise click.ClickException(f"Data file [{path}] must be hdf5 format") from error
        try:
            self._data, self._timestamps = self._datasets()
        except click.ClickException:
            self._file.close()
            raise

    def _datasets(self) -> tuple[h5py.Dataset, h5py.Dataset]:
        data, timestamps = self._file.get("data"), self._file.get("timestamp")
        if not isinstance(data, h5py.Dataset) or not isinstance(timestamps, h5py.Dataset):
            raise click.ClickException("Data file must contain [data] and [timestamp] datasets")
        if data.ndim not in (1, 2) or len(data) != timestamps.size:
            raise click.ClickException("Length of [data] and [timestamp] datasets must match")
        if data.dtype.name not in DATATYPES or timestamps.dtype.kind != "i":
            raise click.ClickException(
                f"Data file has datatype [{data.dtype.name}], choose from [{', '.join(DATATYPES)}]"
            )
        return data, timestamps

    def __enter__(self) -> HdfSource:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._data)

    @property
    def layout(self) -> Layout:
        """The layout of the rows."""
        width = 1 if self._data.ndim == 1 else self._data.shape[1]
        return Layout(self._data.dtype.name, width)

    def attribute(self, name: str) -> str | None:
        """Give an attribute of the file, None when it has none of that name."""
        value = self._file.attrs.get(name)
        return None if value is None else str(value)

    def elements(self) -> list[dict[str, Any]]:
        """Give the elements as the file describes them, none if it does not."""
        try:
            found = json.loads(self.attribute("element_json") or "[]")
        except ValueError as error:
            raise click.ClickException("Attribute [element_json] of the file is broken") from error
        return found if isinstance(found, list) else []

    def blocks(self) -> Iterator[Rows]:
        """Give the rows in blocks, ``(n,)`` in :attr:`layout`."""
        layout = self.layout
        for start in range(0, len(self), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            data = self._data[part]
            rows = np.empty(len(data), layout.dtype)
            rows["timestamp"] = self._timestamps[part].reshape(-1)
            rows["data"] = data.reshape(len(data), -1)
            yield rows

    def check(self) -> tuple[int, int]:
        """Give the first and the last timestamp.

        Raises ``ClickException`` unless there are rows, their timestamps strictly increase and
        all values are finite: what a node would refuse after older data had made way.
        """
        first = last = None
        for rows in self.blocks():
            times = rows["timestamp"]
            if (last is not None and times[0] <= last) or np.any(np.diff(times) <= 0):
                raise click.ClickException("Timestamps in the data file are not monotonic")
            if not np.all(np.isfinite(rows["data"])):
                raise click.ClickException("Invalid values (NaN or Inf) in the data file")
            first = int(times[0]) if first is None else first
            last = int(times[-1])
        if first is None or last is None:
            raise click.ClickException("There is no data in the data file")
        return first, last
