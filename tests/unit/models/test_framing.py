from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from joule.models.framing import RowDecoder, encode_block
from joule.models.layout import Layout

if TYPE_CHECKING:
    from joule.models.layout import Rows

LAYOUT = Layout("int16", 2)
TOKEN = bytes(LAYOUT.row_bytes)


class Block(NamedTuple):
    rows: Rows
    starts_interval: bool = False


def rows_at(*timestamps: int, layout: Layout = LAYOUT) -> Rows:
    rows = np.zeros(len(timestamps), dtype=layout.dtype)
    rows["timestamp"] = timestamps
    rows["data"] = 1
    return rows


def encoded(*blocks: Block) -> bytes:
    return b"".join(bytes(part) for block in blocks for part in encode_block(block, LAYOUT))


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
    rows = rows_at(5)
    assert encoded(Block(rows, starts_interval=True)) == TOKEN + rows.tobytes()


def test_a_block_without_rows_can_announce_a_break() -> None:
    assert encoded(Block(rows_at(), starts_interval=True)) == TOKEN
    assert encoded(Block(rows_at())) == b""


def test_rows_are_not_copied_on_the_way_out() -> None:
    rows = rows_at(1, 2, 3)
    (part,) = encode_block(Block(rows), LAYOUT)
    assert np.shares_memory(np.frombuffer(part, dtype=np.uint8), rows)


def test_rows_that_do_not_lie_in_one_piece_are_packed_too() -> None:
    rows = rows_at(1, 2, 3, 4)[::2]
    assert decoded(RowDecoder(LAYOUT), encoded(Block(rows))) == [1, 3]


def test_whole_rows_are_decoded_without_a_copy() -> None:
    data = rows_at(1, 2, 3).tobytes()
    ((rows, ends),) = RowDecoder(LAYOUT).feed(data)
    assert not ends
    assert np.shares_memory(rows, np.frombuffer(data, dtype=np.uint8))
    assert not rows.flags.writeable


def test_tokens_first_last_and_repeated_are_reported() -> None:
    data = TOKEN + rows_at(1, 2).tobytes() + TOKEN + TOKEN + rows_at(3).tobytes() + TOKEN
    assert decoded(RowDecoder(LAYOUT), data) == [None, 1, 2, None, None, 3, None]


def test_a_token_that_is_cut_is_a_token() -> None:
    data = rows_at(1).tobytes() + TOKEN
    assert decoded(RowDecoder(LAYOUT), data[:-5], data[-5:]) == [1, None]


def test_zeros_that_are_not_a_whole_row_are_no_token() -> None:
    rows = np.array([(256, (0, 0)), (512, (0, 0))], dtype=LAYOUT.dtype)
    assert decoded(RowDecoder(LAYOUT), rows.tobytes()) == [256, 512]


def test_a_row_at_time_zero_with_a_value_is_no_token() -> None:
    assert decoded(RowDecoder(LAYOUT), rows_at(0).tobytes()) == [0]


def test_at_most_one_incomplete_row_is_held_back() -> None:
    decoder = RowDecoder(LAYOUT)
    data = rows_at(1, 2, 3).tobytes()
    assert decoded(decoder, data[:-5]) == [1, 2]
    assert decoder.partial_bytes == LAYOUT.row_bytes - 5
    assert decoded(decoder, data[-5:-2], b"", data[-2:]) == [3]
    assert decoder.partial_bytes == 0


def test_rows_stay_as_they_were_when_more_is_fed() -> None:
    decoder = RowDecoder(LAYOUT)
    data = rows_at(*range(1, 7)).tobytes()
    pieces = [data[start : start + 19] for start in range(0, len(data), 19)]
    kept = [rows for piece in pieces for rows, _ in decoder.feed(piece)]
    assert np.concatenate(kept).tobytes() == data


@pytest.mark.parametrize("text", ["int16_1", "float64_3", "float32_7"])
def test_one_byte_at_a_time_gives_the_same_rows(text: str) -> None:
    layout = Layout.parse(text)
    rows = rows_at(*range(1, 40), layout=layout)
    decoder = RowDecoder(layout)
    got = [r for byte in rows.tobytes() for r, _ in decoder.feed(bytes([byte]))]
    assert np.concatenate(got).tobytes() == rows.tobytes()
    assert decoder.partial_bytes == 0
