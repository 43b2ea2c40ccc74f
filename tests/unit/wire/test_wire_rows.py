from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.models.layout import Layout
from joule.wire.rows import RowDecoder, encode_block

if TYPE_CHECKING:
    from joule.models.layout import Rows


class Block(NamedTuple):
    rows: Rows
    starts_interval: bool = False


LAYOUT = Layout.parse("int16_2")


def rows_at(*timestamps: int, layout: Layout = LAYOUT) -> Rows:
    rows = np.zeros(len(timestamps), dtype=layout.dtype)
    rows["timestamp"] = timestamps
    rows["data"] = 1
    return rows


def encoded(*blocks: Block) -> bytes:
    return b"".join(part for block in blocks for part in encode_block(block, LAYOUT))


def decoded(decoder: RowDecoder, *pieces: bytes) -> list[int | None]:
    """Timestamps in order, None where an interval ends."""
    out: list[int | None] = []
    for piece in pieces:
        for rows, ends in decoder.feed(piece):
            out += rows["timestamp"].tolist()
            out += [None] if ends else []
    return out


def test_a_row_is_packed_as_documented() -> None:
    rows = np.array([(1000, (3, -1))], dtype=LAYOUT.dtype)
    assert encoded(Block(rows)) == bytes.fromhex("E803000000000000 0300 FFFF")


def test_a_break_is_one_record_of_zeros_before_the_rows() -> None:
    assert encoded(Block(rows_at(5), starts_interval=True)) == bytes(12) + encoded(
        Block(rows_at(5))
    )


def test_a_block_without_rows_can_announce_a_break() -> None:
    assert encoded(Block(rows_at(), starts_interval=True)) == bytes(12)
    assert encoded(Block(rows_at())) == b""


def test_rows_are_not_copied_on_the_way_out() -> None:
    rows = rows_at(1, 2, 3)
    (part,) = encode_block(Block(rows), LAYOUT)
    assert np.shares_memory(np.frombuffer(part, dtype=np.uint8), rows)


def test_rows_that_do_not_lie_in_one_piece_are_packed_too() -> None:
    rows = rows_at(1, 2, 3, 4)[::2]
    assert decoded(RowDecoder(LAYOUT), encoded(Block(rows))) == [1, 3]


def test_whole_rows_are_decoded_without_a_copy() -> None:
    data = encoded(Block(rows_at(1, 2, 3)))
    ((rows, ends),) = RowDecoder(LAYOUT).feed(data)
    assert not ends
    assert np.shares_memory(rows, np.frombuffer(data, dtype=np.uint8))


def test_tokens_first_last_and_repeated_are_reported() -> None:
    token = bytes(LAYOUT.row_bytes)
    data = token + encoded(Block(rows_at(1, 2))) + token + token + encoded(Block(rows_at(3)))
    assert decoded(RowDecoder(LAYOUT), data + token) == [None, 1, 2, None, None, 3, None]


def test_zeros_that_are_not_a_whole_row_are_no_token() -> None:
    rows = np.array([(256, (0, 0)), (512, (0, 0))], dtype=LAYOUT.dtype)
    assert decoded(RowDecoder(LAYOUT), encoded(Block(rows))) == [256, 512]


def test_a_row_at_time_zero_with_a_value_is_no_token() -> None:
    assert decoded(RowDecoder(LAYOUT), encoded(Block(rows_at(0)))) == [0]


def test_the_bytes_of_a_cut_row_are_counted() -> None:
    decoder = RowDecoder(LAYOUT)
    assert decoded(decoder, encoded(Block(rows_at(1, 2)))[:-5]) == [1]
    assert decoder.partial_bytes == 7


@pytest.mark.parametrize("text", ["int16_1", "float64_3", "float32_7"])
def test_one_byte_at_a_time_gives_the_same_rows(text: str) -> None:
    layout = Layout.parse(text)
    rows = rows_at(*range(1, 40), layout=layout)
    decoder = RowDecoder(layout)
    got = [r for byte in rows.tobytes() for r, _ in decoder.feed(bytes([byte]))]
    assert np.concatenate(got).tobytes() == rows.tobytes()
    assert decoder.partial_bytes == 0


@given(
    st.lists(st.one_of(st.none(), st.integers(1, 10)), max_size=30),
    st.lists(st.integers(0, 400), max_size=8),
)
def test_cuts_of_the_body_carry_no_meaning(items: list[int | None], cuts: list[int]) -> None:
    data = b"".join(bytes(12) if item is None else encoded(Block(rows_at(item))) for item in items)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    decoder = RowDecoder(LAYOUT)
    assert decoded(decoder, *pieces) == items
    assert decoder.partial_bytes == 0
