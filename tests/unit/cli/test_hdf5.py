"""Rows through a file and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.cli.data.columns import Columns
from joule.cli.data.hdf5 import BLOCK_ROWS, HdfSink, HdfSource
from joule.models.base import DATATYPES
from joule.models.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("datatype", DATATYPES)
def test_rows_of_every_datatype_come_back_bit_by_bit(datatype: str, tmp_path: Path) -> None:
    layout = Layout(datatype, 2)
    rows = np.zeros(BLOCK_ROWS + 10, layout.dtype)
    rows["timestamp"] = 1_600_000_000_000_000 + np.arange(len(rows))
    kind = np.iinfo(datatype) if datatype.startswith("int") else np.finfo(datatype)
    rows["data"][0] = kind.min, kind.max
    rows["data"][1] = 1 / 3, 7
    file = str(tmp_path / "rows.h5")
    sink = HdfSink(file, Columns(None), {"path": "/a/x"})
    sink.write(rows[:3])
    sink.end_interval()
    sink.write(rows[3:])
    sink.close()
    with HdfSource(file) as source:
        assert source.layout == layout
        assert source.attribute("path") == "/a/x"
        parts = list(source.parts())
    assert b"".join(part.rows.tobytes() for part in parts) == rows.tobytes()
    assert [len(part.rows) for part in parts if part.begins] == [3, BLOCK_ROWS - 3]
    assert [place for part in parts for place in part.places] == list(range(len(rows)))
