"""Times as numbers, as text and as datetimes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from joule.utilities import (
    datetime_to_timestamp,
    human_to_timestamp,
    parse_time_interval,
    seconds_to_timestamp,
    time_now,
    timestamp_to_datetime,
    timestamp_to_human,
    timestamp_to_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_US = 3_600_000_000


@pytest.fixture(params=["UTC", "EST5EDT", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1551730769556442", 1551730769556442),
        ("  5", 5),
        (" -7 ", -7),
        ("+3", 3),
        ("1.5e15", 1_500_000_000_000_000),
        ("1551730769556442.0", 1551730769556442),
        ("2e6", 2_000_000),
    ],
)
def test_a_number_is_a_time_in_microseconds(text: str, expected: int) -> None:
    assert human_to_timestamp(text) == expected


@pytest.mark.parametrize("text", ["bad time", "", "   ", "1e999", "-1e999"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="invalid time") as caught:
        human_to_timestamp(text)
    assert f"[{text}]" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "age_us"),
    [
        ("now", 0),
        ("today", 0),
        ("1 hour ago", HOUR_US),
        ("one minute ago", 60_000_000),
        ("10 minutes", 600_000_000),
        ("in 5 minutes", -300_000_000),
        ("1 week", 7 * 24 * HOUR_US),
    ],
)
def test_relative_times_count_from_now(text: str, age_us: int) -> None:
    before = time_now()
    moment = human_to_timestamp(text) + age_us
    assert before - 2_000_000 <= moment <= time_now() + 2_000_000


@pytest.mark.parametrize(
    "text", ["2020-01-02T03:04:05.123456Z", "2020-01-02T05:04:05.123456+02:00"]
)
def test_a_time_with_a_zone_is_exact_everywhere(text: str, zone: str) -> None:
    assert human_to_timestamp(text) == 1_577_934_245_123_456, zone


def test_a_time_without_a_zone_is_local(zone: str) -> None:
    local = datetime(2015, 1, 20, 12).astimezone()
    assert human_to_timestamp("20 January 2015 12:00") == datetime_to_timestamp(local), zone


def test_what_is_written_for_people_can_be_read_back(zone: str) -> None:
    moment = 1_598_985_600_000_000
    assert human_to_timestamp(timestamp_to_human(moment)) == moment, zone


def test_a_time_is_written_as_it_always_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert timestamp_to_human(1_598_985_600_000_000) == "Tue, 01 Sep 2020 18:40:00 "
    monkeypatch.undo()
    time.tzset()


def test_the_ends_of_time_have_names() -> None:
    assert timestamp_to_human(-(2**63)) == "(minimum)"
    assert timestamp_to_human(2**63 - 1) == "(maximum)"


def test_a_time_beyond_the_calendar_is_written_as_its_number() -> None:
    assert timestamp_to_human(2**62) == str(2**62)


@pytest.mark.parametrize("moment", [0, -1, 1001, 1_598_985_600_123_457, -62_135_596_800_000_000])
def test_datetimes_keep_every_microsecond(moment: int) -> None:
    assert datetime_to_timestamp(timestamp_to_datetime(moment)) == moment


def test_datetimes_are_aware_and_in_utc() -> None:
    assert timestamp_to_datetime(1_500_000) == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)


def test_a_datetime_without_a_zone_is_taken_as_utc() -> None:
    assert datetime_to_timestamp(datetime(2020, 1, 1)) == 1_577_836_800_000_000
    aware = datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert datetime_to_timestamp(aware) == 1_577_836_800_000_000 - HOUR_US


def test_seconds_and_microseconds_convert_both_ways() -> None:
    assert seconds_to_timestamp(1.5) == 1_500_000
    assert isinstance(seconds_to_timestamp(1.5), int)
    assert timestamp_to_seconds(1_500_000) == 1.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", -1),
        ("ALL", -1),
        ("none", 0),
        ("1s", 1_000_000),
        ("1m", 60_000_000),
        ("2h", 2 * HOUR_US),
        ("1d", 24 * HOUR_US),
        ("1w", 7 * 24 * HOUR_US),
        ("1y", 365 * 24 * HOUR_US),
    ],
)
def test_how_long_to_keep_is_read_in_microseconds(text: str, expected: int) -> None:
    assert parse_time_interval(text) == expected


@pytest.mark.parametrize("text", ["", "10", "1 h", "-1h", "1.5h", "1M", "5weeks", "0s", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="use format #unit"):
        parse_time_interval(text)
