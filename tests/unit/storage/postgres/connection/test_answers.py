from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.errors import StorageDamagedError
from joule.models.layout import Layout
from joule.storage.postgres.connection.answers import Answer, may_be_whole, parse
from joule.storage.postgres.connection.copy_format import HEADER, TRAILER, encode
from joule.testing.engine_contract.checks import make_rows

LAYOUT = Layout("int16", 2)
ROWS = make_rows(LAYOUT, [0, 10, 25, 31, 44])
READY = b"Z\0\0\0\x05I"


def message(kind: bytes, data: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(data) + 4) + data


def as_bytes(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(data, np.uint8)


def copied(pieces: list[bytes]) -> bytes:
    data = b"".join(message(b"d", piece) for piece in pieces)
    return message(b"H", b"\1\0\0") + data + message(b"c") + message(b"C", b"COPY 5\0")


def regular(count: int) -> list[bytes]:
    """Pieces as a server sends them."""
    data = encode(ROWS[:count])
    size = len(data) // max(count, 1)
    rows = [data[at : at + size] for at in range(0, len(data), size or 1)]
    return [HEADER + rows[0], *rows[1:], TRAILER] if rows else [HEADER, TRAILER]


@pytest.mark.parametrize("count", range(6))
def test_rows_are_those_that_were_sent(count: int) -> None:
    answer = parse(as_bytes(copied(regular(count)) + READY))
    assert answer.is_whole
    (found,) = answer.copies
    assert found.rows(LAYOUT, "t").tobytes() == ROWS[:count].tobytes()
    assert found.has_rows == (count > 0)


@pytest.mark.parametrize("size", [1, 2, 7, 30, 64, 1000])
def test_messages_may_be_of_any_size(size: int) -> None:
    data = HEADER + encode(ROWS) + TRAILER
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    (found,) = parse(as_bytes(copied(pieces) + READY)).copies
    assert found.rows(LAYOUT, "t").tobytes() == ROWS.tobytes()


def test_what_comes_between_rows_is_kept_apart() -> None:
    notice = message(b"N", b"SNOTICE\0\0")
    first, *others = regular(5)
    data = message(b"H", b"\1\0\0") + message(b"d", first) + notice
    data += b"".join(message(b"d", piece) for piece in others)
    answer = parse(as_bytes(data + READY))
    assert answer.copies[0].rows(LAYOUT, "t").tobytes() == ROWS.tobytes()
    assert answer.asynchronous == [notice]


def test_the_data_of_each_copy_is_told_apart() -> None:
    answer = parse(as_bytes(copied(regular(5)) + copied(regular(0)) + copied(regular(2)) + READY))
    assert [len(found.rows(LAYOUT, "t")) for found in answer.copies] == [5, 0, 2]


def test_an_answer_is_whole_when_the_server_is_ready_and_not_before() -> None:
    data = copied(regular(5)) + READY
    for end in range(len(data)):
        assert not parse(as_bytes(data[:end])).is_whole
    assert may_be_whole(as_bytes(data))


def test_data_that_looks_like_the_end_is_not_taken_for_it() -> None:
    data = copied([HEADER + READY, TRAILER]) + READY
    end = data.index(READY) + len(READY)
    assert may_be_whole(as_bytes(data[:end]))
    assert not parse(as_bytes(data[:end])).is_whole


def test_the_first_error_is_told_by_its_fields() -> None:
    errors = message(b"E", b"SERROR\0C42P01\0Mno table\0\0") + message(b"E", b"C00000\0\0")
    answer = parse(as_bytes(message(b"H", b"\1\0\0") + errors + READY))
    assert answer.error == {"S": "ERROR", "C": "42P01", "M": "no table"}
    assert answer.is_whole


def test_nothing_is_no_answer() -> None:
    assert parse(as_bytes(b"")) == Answer([], {}, [], is_whole=False)


@pytest.mark.parametrize("layout", ["int16_3", "float32_2", "int32_1"])
def test_rows_of_another_layout_are_refused(layout: str) -> None:
    (found,) = parse(as_bytes(copied(regular(5)) + READY)).copies
    with pytest.raises(StorageDamagedError, match=f"table t are not those of {layout}"):
        found.rows(Layout.parse(layout), "t")


# ------------------------------------------------------------------ records of any bytes


def record(fields: list[bytes]) -> bytes:
    data = b"".join(struct.pack("!i", len(field)) + field for field in fields)
    return struct.pack("!h", len(fields)) + data


def fields_of(pieces: list[bytes]) -> list[list[bytes]]:
    """Give the fields that are found in one COPY of these pieces, next to others."""
    data = copied(regular(2)) + copied(pieces) + copied(regular(0))
    answer = parse(as_bytes(data + READY))
    assert answer.is_whole
    return [[bytes(field) for field in one] for one in answer.copies[1].records()]


@given(st.lists(st.lists(st.binary(max_size=12), max_size=4), max_size=5))
def test_records_are_those_that_were_sent(records: list[list[bytes]]) -> None:
    pieces = list(map(record, records))
    assert fields_of([HEADER + b"".join(pieces[:1]), *pieces[1:], TRAILER]) == records


@pytest.mark.parametrize("size", [1, 2, 3, 7, 19, 64, 1000])
def test_messages_of_records_may_be_of_any_size(size: int) -> None:
    records = [[b"", b"ab", TRAILER], [READY * 9], [b"\xff" * 50, HEADER]]
    data = HEADER + b"".join(map(record, records)) + TRAILER
    assert fields_of([data[at : at + size] for at in range(0, len(data), size)]) == records


def test_records_of_one_length_are_told_apart() -> None:
    """A run of messages alike, which rows are seen as an array in."""
    records = [[struct.pack("!q", number), b"abc"] for number in range(50)]
    first, *others = map(record, records)
    assert fields_of([HEADER + first, *others, TRAILER]) == records


def test_no_records_are_none() -> None:
    assert fields_of([HEADER, TRAILER]) == []
    assert fields_of([HEADER + TRAILER]) == []
