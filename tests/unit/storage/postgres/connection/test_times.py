from __future__ import annotations

from datetime import UTC, datetime

import pytest

from joule.errors import DataError
from joule.models.intervals import MAX_TIME, MIN_TIME
from joule.storage.postgres.connection.times import (
    FIRST_US,
    bound,
    check_time,
    decode_time,
    encode_time,
)


@pytest.mark.parametrize(
    "time", [0, -1, 1_700_000_000_000_001, FIRST_US, MIN_TIME, MAX_TIME, MAX_TIME - 1, 2**62]
)
def test_times_come_back(time: int) -> None:
    assert decode_time(encode_time(time)) == time


def test_the_bytes_count_from_the_year_2000() -> None:
    time = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert encode_time(time + 5) == (5).to_bytes(8, "big")


def test_the_extremes_stand_for_infinity() -> None:
    assert encode_time(MAX_TIME) == b"\x7f" + b"\xff" * 7
    assert encode_time(MIN_TIME) == b"\x80" + b"\x00" * 7


@pytest.mark.parametrize("time", [FIRST_US - 1, MIN_TIME + 1])
def test_what_is_too_early_is_refused_and_can_be_asked_for(time: int) -> None:
    with pytest.raises(DataError, match=f"timestamp {time} is earlier"):
        check_time(time)
    assert bound(time) == MIN_TIME


def test_what_is_later_than_we_can_count_is_the_last_time() -> None:
    assert decode_time((2**63 - 2).to_bytes(8, "big")) == MAX_TIME
