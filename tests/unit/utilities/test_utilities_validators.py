"""The checks that modules and scripts import."""

from __future__ import annotations

import numpy as np
import pytest

from joule.errors import ConfigurationError
from joule.models.layout import Layout, Rows
from joule.utilities.validators import (
    validate_event_fields,
    validate_event_filter,
    validate_monotonic_timestamps,
    validate_no_nan_values,
    validate_stream_path,
)


def rows(*timestamps: int) -> Rows:
    data = np.zeros(len(timestamps), Layout.parse("float32_1").dtype)
    data["timestamp"] = timestamps
    return data


@pytest.mark.parametrize("path", ["/", "/a", "/a/b", "/a b/c-d/e_1"])
def test_a_path_of_words_is_accepted(path: str) -> None:
    assert validate_stream_path(path) == path


@pytest.mark.parametrize("path", ["", "a/b", "/a/", "//a", "/a.b", "/a\n", None, 3])
def test_other_paths_are_refused(path: object) -> None:
    with pytest.raises(ValueError, match="invalid path"):
        validate_stream_path(path)  # type: ignore[arg-type]


def test_event_fields_are_checked() -> None:
    fields = {"a": "string", "b": 'category:["x:y"]'}
    assert validate_event_fields(fields) == fields
    with pytest.raises(ConfigurationError, match="event_fields"):
        validate_event_fields({"a": "text"})


def test_event_filters_are_read() -> None:
    assert validate_event_filter('[[["k","is","v"]]]') == [[["k", "is", "v"]]]
    assert validate_event_filter("[]") == []


@pytest.mark.parametrize("text", ["x", "{}", '[["a","is"]]'])
def test_event_filters_with_a_fault_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid filter"):
        validate_event_filter(text)


def test_rising_timestamps_are_fine() -> None:
    assert validate_monotonic_timestamps(rows(1, 2, 3), None, "s")
    assert validate_monotonic_timestamps(rows(1, 2, 3), 0, "s")
    assert validate_monotonic_timestamps(rows(), 5, "s")


def test_timestamps_that_do_not_rise_are_found(caplog: pytest.LogCaptureFixture) -> None:
    assert not validate_monotonic_timestamps(rows(1, 1), None, "the stream")
    assert not validate_monotonic_timestamps(rows(1, 2), 1, "the stream")
    assert caplog.text.count("[the stream]") == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_found(value: float) -> None:
    data = rows(1, 2)
    assert validate_no_nan_values(data)
    data["data"][1] = value
    assert not validate_no_nan_values(data)
