"""Data in HDF5 files.

Datasets ``data`` (rows x elements, the stream's datatype) and ``timestamp`` (rows x 1, UNIX us);
attributes of the root say where the data came from. The dataset ``intervals`` (intervals x 2) has
first timestamp and last timestamp + 1 of each unbroken run; files of Joule 1.0 are without it.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import h5py
import numpy as np

from joule.cli.data.interval_log import IntervalLog
from joule.cli.data.row_file import Part
from joule.models.base import DATATYPES
from joule.models.layout import Layout
from joule.wire.json_models import element_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.cli.data.columns import Columns
    from joule.models.layout import Rows
    from joule.models.streams import Element

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

BLOCK_ROWS = 64 * 1024

_CHUNK_ROWS = 8 * 1024


class HdfSink:
    """Writes the chosen columns of rows to a file, which it makes at the first row."""

    def __init__(self, path: str, columns: Columns, attributes: dict[str, str]) -> None:
        self._path = path
        self._columns = columns
        self._attributes = attributes
        self._file: h5py.File | None = None
        self._intervals = IntervalLog()

    def write(self, rows: Rows) -> None:
        """Append ``(n,)`` rows."""
        values = self._columns.take(rows)
        if self._file is None:
            self._file = self._create(values)
        self._intervals.note(rows)
        _append(self._file["timestamp"], rows["timestamp"][:, None])
        _append(self._file["data"], values)

    def end_interval(self) -> None:
        """Take note that an interval ends."""
        self._intervals.end()

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.create_dataset("intervals", data=self._intervals.pairs())
            self._file.close()

    def _create(self, values: Array) -> h5py.File:
        file = h5py.File(self._path, "w")
        file.attrs.update(self._attributes)
        _growable(file, "timestamp", 1, np.dtype("<i8"))
        _growable(file, "data", values.shape[1], values.dtype)
        return file


def _growable(file: h5py.File, name: str, width: int, dtype: np.dtype[Any]) -> None:
    file.create_dataset(
        name,
        (0, width),
        dtype,
        maxshape=(None, width),
        chunks=(_CHUNK_ROWS, width),
        compression="gzip",
    )


def _append(dataset: h5py.Dataset, values: Array) -> None:
    count = len(dataset)
    dataset.resize(count + len(values), axis=0)
    dataset[count:] = values


class HdfSource:
    """A file of the form that :class:`HdfSink` writes; a context manager.

    Raises ``ClickException`` when it is something else.
    """

    unit = "row"

    def __init__(self, path: str) -> None:
        self.path = path
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

    def take_datatype(self, datatype: str | None) -> None:
        """Do nothing: the file says what its values are."""

    def attribute(self, name: str) -> str | None:
        """Give an attribute of the file, None when it has none of that name."""
        value = self._file.attrs.get(name)
        return None if value is None else str(value)

    def elements(self) -> list[Element]:
        """Give the elements as the file describes them, none if it does not."""
        try:
            return [element_from_json(each) for each in json.loads(self._described())]
        except (ValueError, KeyError, TypeError) as error:
            raise click.ClickException("Attribute [element_json] of the file is broken") from error

    def _described(self) -> str:
        return self.attribute("element_json") or "[]"

    def parts(self) -> Iterator[Part]:
        """Give the rows in blocks, cut where an interval begins; rows are counted from 0."""
        begins = self._begins()
        for start in range(0, len(self), BLOCK_ROWS):
            rows = self._block(start)
            cuts = np.flatnonzero(np.isin(rows["timestamp"], begins))
            edges = [0, *cuts[cuts > 0].tolist(), len(rows)]
            for first, end in itertools.pairwise(edges):
                is_start = start + first == 0 or bool(np.isin(first, cuts))
                yield Part(rows[first:end], is_start, np.arange(start + first, start + end))

    def _begins(self) -> Array:
        intervals = self._file.get("intervals")
        if not isinstance(intervals, h5py.Dataset) or intervals.ndim != 2:
            return np.empty(0, np.int64)
        begins: Array = intervals[:, 0]
        return begins

    def _block(self, start: int) -> Rows:
        layout = self.layout
        part = slice(start, start + BLOCK_ROWS)
        data = self._data[part]
        rows: Rows = np.empty(len(data), layout.dtype)
        rows["timestamp"] = self._timestamps[part].reshape(-1)
        rows["data"] = data.reshape(len(data), -1)
        return rows
