from __future__ import annotations

import numpy as np
import pytest

from joule.models.decimation import reduce
from joule.models.layout import Layout
from joule.storage.nilmdb.groups import as_groups


@pytest.mark.parametrize("datatype", ["int8", "int16", "int32", "int64", "uint8", "uint64"])
def test_the_largest_integers_stay_in_range(datatype: str) -> None:
    layout = Layout(datatype, 1)
    limits = np.iinfo(datatype)
    rows = np.zeros(4, layout.dtype)
    rows["data"][:, 0] = [limits.min, limits.max, limits.max, limits.max]
    found = as_groups(reduce(rows, 4).to_rows(), layout, 4)
    assert found.minimum[0, 0] == limits.min
    assert 0 <= limits.max - int(found.maximum[0, 0]) <= limits.max >> 24
    assert found.count.tolist() == [4]


def test_doubles_are_rounded_to_single_precision() -> None:
    layout = Layout("float64", 2)
    rows = np.zeros(4, layout.dtype)
    rows["data"] = 1 / 3
    found = as_groups(reduce(rows, 4).to_rows(), layout, 4)
    assert found.minimum.dtype == np.float64
    np.testing.assert_allclose(found.maximum, 1 / 3, rtol=2**-24)
