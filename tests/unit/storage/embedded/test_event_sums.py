"""The checksum of an event sees any change of one of its columns."""

from __future__ import annotations

from itertools import permutations

import pytest

from joule.storage.embedded.event_sums import event_sums

COLUMNS = (3, 1_700_000_000_000_000, 70_000, 1_700_000_000_500_000)
CONTENT = b'{"name":"on","watts":1200}'


def sum_of(columns: tuple[int, ...], content: bytes = CONTENT, *, has_end: bool = True) -> int:
    stream, start, id_, end = columns
    (found,) = event_sums([stream], [start], [id_], [end if has_end else None], [content])
    return found


def changed(column: int, bit: int) -> tuple[int, ...]:
    """The columns with a bit flipped in one of them, as signed numbers."""
    value = COLUMNS[column] ^ (1 << bit)
    value -= (1 << 64) if value >= 1 << 63 else 0
    return (*COLUMNS[:column], value, *COLUMNS[column + 1 :])


@pytest.mark.parametrize("column", range(4))
def test_any_flipped_bit_of_a_column_shows(column: int) -> None:
    sums = {sum_of(changed(column, bit)) for bit in range(64)}
    assert sum_of(COLUMNS) not in sums


def test_any_flipped_bit_of_the_content_shows() -> None:
    for at in range(len(CONTENT)):
        for bit in range(8):
            content = bytearray(CONTENT)
            content[at] ^= 1 << bit
            assert sum_of(COLUMNS, bytes(content)) != sum_of(COLUMNS)


def test_columns_that_are_exchanged_show() -> None:
    assert len({sum_of(order) for order in permutations(COLUMNS)}) == 24


def test_a_lost_end_shows() -> None:
    assert sum_of(COLUMNS, has_end=False) != sum_of(COLUMNS)


def test_many_events_have_the_sums_that_each_has_alone() -> None:
    starts, ids, ends = [1, -5, 2**62], [7, 8, 9], [2, None, -(2**62)]
    contents = [b"{}", b'{"a":1}', CONTENT]
    together = event_sums([4] * 3, starts, ids, ends, contents)
    assert together == [
        event_sums([4], [start], [id_], [end], [content])[0]
        for start, id_, end, content in zip(starts, ids, ends, contents, strict=True)
    ]


def test_the_sum_is_what_the_description_of_the_format_says() -> None:
    # CRC-32 of "{}" begun with f(1) + 3 f(2) + 5 f(3) + 7 f(-1); f(-1) is 0, all bits being set.
    assert sum_of((1, 2, 3, -1), b"{}") == _crc32(b"{}", 1 + 3 * 2 + 5 * 3)


def _crc32(data: bytes, crc: int) -> int:
    """CRC-32 bit by bit."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
