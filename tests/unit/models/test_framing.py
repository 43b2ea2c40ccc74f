from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from joule.models.framing import RowDecoder, encode_block
from joule.models.layout import Layout, Rows
from joule.storage.interfaces import Block

LAYOUT = Layout("int16", 3)


def make_rows(start: int, count: int) -> Rows:
    rows = np.zeros(count, LAYOUT.dtype)
    rows["timestamp"] = np.arange(start, start + count)
    rows["data"] = np.arange(count)[:, None] % 7
    return rows


def encode(blocks: list[Block]) -> bytes:
    return b"".join(bytes(part) for block in blocks for part in encode_block(block, LAYOUT))


def test_a_break_is_one_record_of_zeros_before_the_rows() -> None:
    rows = make_rows(5, 2)
    assert encode([Block(rows, True)]) == bytes(14) + rows.tobytes()
    assert encode([Block(rows[:0], True)]) == bytes(14)
    assert encode([Block(rows, False)]) == rows.tobytes()


def test_encoding_does_not_copy_rows() -> None:
    rows = make_rows(1, 100)
    (part,) = encode_block(Block(rows, False), LAYOUT)
    assert np.shares_memory(np.frombuffer(part, np.uint8), rows.view(np.uint8))


def test_decoding_does_not_copy_rows_that_are_whole() -> None:
    data = make_rows(1, 100).tobytes()
    ((rows, _),) = RowDecoder(LAYOUT).feed(data)
    assert np.shares_memory(rows.view(np.uint8), np.frombuffer(data, np.uint8))
    assert not rows.flags.writeable


def test_at_most_one_partial_row_is_held() -> None:
    decoder = RowDecoder(LAYOUT)
    data = make_rows(1, 10).tobytes()
    assert len(next(decoder.feed(data[:-3]))[0]) == 9
    assert decoder.partial_bytes == LAYOUT.row_bytes - 3
    assert next(decoder.feed(data[-3:]))[0]["timestamp"].tolist() == [10]
    assert decoder.partial_bytes == 0


@given(
    st.lists(st.integers(0, 4), max_size=6), st.lists(st.integers(1, 60), min_size=1, max_size=20)
)
def test_what_is_encoded_comes_out_again_however_it_is_cut(
    sizes: list[int], cuts: list[int]
) -> None:
    # Interval i has sizes[i] rows; a token follows each, also an empty one.
    blocks, expected = [], []
    for index, size in enumerate(sizes):
        rows = make_rows(1 + 10 * index, size)
        blocks += [Block(rows, False), Block(rows[:0], True)]
        expected += [*rows["timestamp"].tolist(), None]
    data = encode(blocks)
    decoder, got, at = RowDecoder(LAYOUT), [], 0
    while at < len(data):
        piece = data[at : at + cuts[at % len(cuts)]]
        at += len(piece)
        for rows, ends in decoder.feed(piece):
            got += [*rows["timestamp"].tolist(), *([None] if ends else [])]
    assert got == expected
