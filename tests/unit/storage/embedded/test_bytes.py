"""What is written to disk: groups and tail records as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from joule.errors import StorageDamagedError
from joule.models.base import DATATYPES
from joule.models.decimation import reduce
from joule.models.layout import Layout
from joule.storage.embedded.pyramid import build, decode_groups, encode_groups, stored_level
from joule.storage.embedded.records import Entry, decode_record, encode_record
from joule.storage.interfaces import StreamRef
from joule.storage.stretch import NO_BREAKS, Stretch
from joule.testing.engine_contract.checks import make_rows

LAYOUT = Layout("float32", 4)


@pytest.mark.parametrize("datatype", DATATYPES)
def test_groups_come_back_exactly(datatype: str) -> None:
    layout = Layout(datatype, 3)
    groups = reduce(make_rows(layout, np.arange(1000) * 7), 64)
    found = decode_groups(encode_groups(groups, layout), layout)
    assert found.minimum.dtype == groups.minimum.dtype
    for name in ("timestamp", "mean", "minimum", "maximum", "count"):
        np.testing.assert_array_equal(getattr(found, name), getattr(groups, name))


def test_a_pyramid_has_three_levels_that_start_afresh_at_breaks() -> None:
    rows = make_rows(LAYOUT, np.arange(5000))
    levels = dict(build(Stretch(rows, np.array([0, 100, 3000])), LAYOUT))
    counts = {level: decode_groups(data, LAYOUT).count.tolist() for level, data in levels.items()}
    assert counts[64] == [64, 36, *[64] * 45, 20, *[64] * 31, 16]
    assert counts[1024] == [100, 1024, 1024, 852, 1024, 976]
    assert counts[16384] == [100, 2900, 2000]


def test_each_level_is_grouped_from_the_next_stored_one() -> None:
    levels = [4**k for k in range(13)]
    assert [stored_level(level) for level in levels] == [
        *[None] * 3,
        *[64] * 2,
        *[1024] * 2,
        *[16384] * 6,
    ]


def test_a_record_gives_back_its_streams_rows_and_breaks() -> None:
    small = Stretch(make_rows(LAYOUT, [1, 2, 3]), np.array([0, 2]))
    large = Stretch(make_rows(Layout("int16", 2), np.arange(4000)), NO_BREAKS)
    streams = [StreamRef(7, LAYOUT), StreamRef(2**40, Layout("int16", 2), decimate=False)]
    entries = [Entry(streams[0], small, 0), Entry(streams[1], large, 2**31)]
    found = decode_record(9, encode_record(9, entries))
    assert [(entry.stream, entry.before) for entry in found] == list(
        zip(streams, [0, 2**31], strict=True)
    )
    for (_, stretch, _), expected in zip(found, [small, large], strict=True):
        assert stretch.rows.tobytes() == expected.rows.tobytes()
        assert stretch.breaks.tolist() == expected.breaks.tolist()


@pytest.mark.parametrize("position", [0, 3, 4, 20, 30, -1])
def test_a_damaged_record_is_noticed(position: int) -> None:
    stretch = Stretch(make_rows(LAYOUT, [1, 2, 3]), NO_BREAKS)
    data = bytearray(encode_record(9, [Entry(StreamRef(7, LAYOUT), stretch, 0)]))
    data[position] ^= 1
    with pytest.raises(StorageDamagedError, match="checksum"):
        decode_record(9, bytes(data))


def test_a_record_under_another_number_is_noticed() -> None:
    stretch = Stretch(make_rows(LAYOUT, [1, 2, 3]), NO_BREAKS)
    data = encode_record(9, [Entry(StreamRef(7, LAYOUT), stretch, 0)])
    with pytest.raises(StorageDamagedError, match="checksum"):
        decode_record(8, data)
