"""What is written to disk: rows, groups and tail records as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from joule.errors import StorageDamagedError, StorageFormatError
from joule.models.base import DATATYPES
from joule.models.decimation import reduce
from joule.models.layout import Layout
from joule.storage.embedded import codec
from joule.storage.embedded.codec import decode, encode
from joule.storage.embedded.pyramid import build, decode_groups, encode_groups, stored_level
from joule.storage.embedded.records import Entry, decode_record, encode_record
from joule.storage.interfaces import StreamRef
from joule.storage.stretch import NO_BREAKS, Stretch
from joule.testing.engine_contract.checks import make_rows

LAYOUT = Layout("float32", 4)


@pytest.mark.parametrize("count", [1, 5, 11, 100, 5000])
@pytest.mark.parametrize("width", [1, 4, 300])
def test_rows_come_back_bit_for_bit(count: int, width: int) -> None:
    layout = Layout("float64", width)
    rows = make_rows(layout, np.arange(count))
    rows["data"] = np.random.default_rng(0).normal(size=(count, width))
    found = decode(encode(rows), layout.dtype)
    assert found.tobytes() == rows.tobytes()
    assert not found.flags.writeable


def test_rows_need_not_lie_together() -> None:
    rows = make_rows(LAYOUT, np.arange(3000))
    assert decode(encode(rows[::3]), LAYOUT.dtype).tobytes() == rows[::3].tobytes()


def test_regular_rows_take_a_fraction_of_their_size() -> None:
    rows = make_rows(Layout("int16", 6), np.arange(10_000) * 125)
    assert len(encode(rows)) < rows.nbytes / 4


@pytest.mark.parametrize("count", [3, 3000])
def test_any_flipped_bit_is_noticed(count: int) -> None:
    data = bytearray(encode(make_rows(LAYOUT, np.arange(count))))
    for position in {0, 1, 4, 8, 12, 15, 16, len(data) // 2, len(data) - 1}:
        damaged = data.copy()
        damaged[position] ^= 4
        with pytest.raises(StorageDamagedError):
            decode(bytes(damaged), LAYOUT.dtype)


@pytest.mark.parametrize("length", [0, 3, 16, 40])
def test_missing_bytes_are_noticed(length: int) -> None:
    data = encode(make_rows(LAYOUT, np.arange(3000)))
    with pytest.raises(StorageDamagedError):
        decode(data[:length], LAYOUT.dtype)


def test_rows_of_another_layout_are_refused() -> None:
    data = encode(make_rows(LAYOUT, np.arange(10)))
    with pytest.raises(StorageDamagedError, match="24 bytes, the layout has 16"):
        decode(data, Layout("float32", 2).dtype)


def test_an_encoding_of_the_future_is_named() -> None:
    data = codec._framed(9, LAYOUT.row_bytes, 1, b"x")
    with pytest.raises(StorageFormatError, match="encoding 9"):
        decode(data, LAYOUT.dtype)


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
