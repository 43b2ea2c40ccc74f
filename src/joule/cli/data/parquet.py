"""Rows in a Parquet file: a column ``timestamp`` and one for each element.

The metadata of the schema says where the data came from and, under ``intervals``, its unbroken
runs. Needs the extra ``joule[parquet]``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from joule.cli.data.csv_rows import TIMESTAMP
from joule.cli.data.interval_log import IntervalLog

try:
    import pyarrow
    from pyarrow import parquet
except ImportError as error:
    raise click.ClickException(
        "Parquet files need a package that is not installed: pip install joule[parquet]"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joule.cli.data.columns import Columns
    from joule.models.layout import Rows

GROUP_ROWS = 256 * 1024


class ParquetSink:
    """Writes the chosen columns of rows, in groups of :data:`GROUP_ROWS`."""

    def __init__(
        self, path: str, columns: Columns, names: Sequence[str], attributes: Mapping[str, str]
    ) -> None:
        self._path = path
        self._columns = columns
        self._names = [TIMESTAMP, *names]
        self._attributes = attributes
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._waiting_rows = 0
        self._intervals = IntervalLog()

    def write(self, rows: Rows) -> None:
        """Append ``(n,)`` rows."""
        self._intervals.note(rows)
        columns = [rows["timestamp"], *self._columns.take(rows).T]
        batch = pyarrow.record_batch(
            [pyarrow.array(np.ascontiguousarray(column)) for column in columns], self._names
        )
        self._waiting.append(batch)
        self._waiting_rows += len(rows)
        if self._waiting_rows >= GROUP_ROWS:
            self._write_group()

    def end_interval(self) -> None:
        """Take note that an interval ends."""
        self._intervals.end()

    def close(self) -> None:
        """Finish the file."""
        self._write_group()
        if self._writer is not None:
            intervals = json.dumps(self._intervals.pairs().tolist())
            self._writer.add_key_value_metadata({"intervals": intervals})
            self._writer.close()

    def _write_group(self) -> None:
        if not self._waiting:
            return
        table = pyarrow.Table.from_batches(self._waiting)
        self._waiting.clear()
        self._waiting_rows = 0
        if self._writer is None:
            schema = table.schema.with_metadata(dict(self._attributes))
            self._writer = parquet.ParquetWriter(self._path, schema)
        self._writer.write_table(table, row_group_size=GROUP_ROWS)
