"""What the C functions are given is checked there: whatever it is, they raise and do not crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from types import ModuleType

ROW = 8 + 2 * 4  # two float32


@pytest.fixture(scope="module")
def native() -> ModuleType:
    module: ModuleType = pytest.importorskip("joule.kernels._native", exc_type=ImportError)
    return module


def outputs(groups: int = 2, width: int = 2) -> list[np.ndarray[Any, Any]]:
    """Times, minima, maxima and sums for groups of float32."""
    shape = (groups, width)
    return [np.empty(groups, "i8"), *(np.empty(shape, kind) for kind in ("f4", "f4", "f8"))]


@pytest.mark.parametrize("name", ["shuffle", "unshuffle"])
@pytest.mark.parametrize(
    ("data", "size", "out"),
    [
        (bytes(10), 0, bytearray(10)),
        (bytes(10), -5, bytearray(10)),
        (bytes(10), -(2**63), bytearray(10)),
        (bytes(10), 3, bytearray(10)),
        (bytes(10), 5, bytearray(9)),
        (bytes(10), 5, bytearray(11)),
        (bytes(10), 5, bytearray(0)),
    ],
)
def test_sizes_that_do_not_fit_are_refused(
    native: ModuleType, name: str, data: bytes, size: int, out: bytearray
) -> None:
    with pytest.raises(ValueError, match=r"records|output"):
        getattr(native, name)(data, size, out)


@pytest.mark.parametrize("name", ["shuffle", "unshuffle"])
@pytest.mark.parametrize(
    "arguments", [(bytes(4), 2, bytes(4)), ("abcd", 2, bytearray(4)), (), (1,)]
)
def test_what_is_no_buffer_is_refused(
    native: ModuleType, name: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(TypeError):
        getattr(native, name)(*arguments)


@pytest.mark.parametrize("name", ["shuffle", "unshuffle"])
def test_memory_in_pieces_is_refused(native: ModuleType, name: str) -> None:
    pieces = np.zeros(20, np.uint8)[::2]
    with pytest.raises(ValueError, match="contiguous"):
        getattr(native, name)(pieces, 2, bytearray(10))
    with pytest.raises(TypeError, match="read-write"):
        getattr(native, name)(bytes(10), 2, pieces)


def test_memory_that_must_not_be_written_is_refused(native: ModuleType) -> None:
    starts = np.array([0, 5])
    for k in range(4):
        out = outputs()
        out[k].flags.writeable = False
        with pytest.raises(TypeError, match="read-write"):
            native.group(bytes(10 * ROW), "f4", 2, starts, *out)


@pytest.mark.parametrize(
    ("kind", "width", "length", "rule"),
    [
        ("f2", 4, 10 * ROW, "datatype"),
        ("f1", 8, 10 * ROW, "datatype"),
        ("x4", 2, 10 * ROW, "datatype"),
        ("i3", 2, 10 * ROW, "datatype"),
        ("i0", 2, 10 * ROW, "datatype"),
        ("", 2, 10 * ROW, "datatype"),
        ("float32", 2, 10 * ROW, "datatype"),
        ("f4", 0, 10 * ROW, "width"),
        ("f4", -2, 10 * ROW, "width"),
        ("f4", 2**63 - 1, 10 * ROW, "width"),
        ("f8", 2**60 - 1, 10 * ROW, "width|whole number"),
        ("f4", 2, 10 * ROW - 1, "whole number"),
        ("f4", 2, 1, "whole number"),
        ("f4", 2, ROW, "starts"),
        ("f4", 2, 0, "starts"),
    ],
)
def test_rows_that_are_none_are_refused(
    native: ModuleType, kind: str, width: int, length: int, rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        native.group(bytes(length), kind, width, np.array([0, 5]), *outputs())
    if rule not in ("starts", "datatype"):
        with pytest.raises(ValueError, match=rule):
            native.check(bytes(length), kind, width)


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("change", [-1, 1])
def test_outputs_of_another_size_are_refused(native: ModuleType, k: int, change: int) -> None:
    out: list[Any] = outputs()
    out[k] = bytearray(out[k].nbytes + change)
    with pytest.raises(ValueError, match="output"):
        native.group(bytes(10 * ROW), "f4", 2, np.array([0, 5]), *out)


def test_starts_are_whole_numbers_of_eight_bytes(native: ModuleType) -> None:
    with pytest.raises(ValueError, match="starts"):
        native.group(bytes(10 * ROW), "f4", 2, bytes(15), *outputs())


def test_buffers_may_lie_anywhere(native: ModuleType) -> None:
    memory = memoryview(bytearray(1000))
    memory[9] = 5
    out = [memory[101:117], memory[203:219], memory[305:321], memory[407:439]]
    rows = memory[501 : 501 + 10 * ROW]
    rows[:] = np.arange(10 * ROW // 8, dtype="i8").tobytes()
    native.group(rows, "f4", 2, memory[1:17], *out)
    assert np.frombuffer(out[0], "i8").tolist() == [20, 70]


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_arguments_crash(native: ModuleType, data: st.DataObject) -> None:
    """Mostly refused; where the sizes fit by chance, it does the work."""
    length = st.integers(0, 300)
    kind = data.draw(st.sampled_from(["i1", "u2", "i4", "f4", "f8", "f2", "q9", ""]))
    width = data.draw(st.one_of(st.integers(-3, 40), st.integers(-(2**63), 2**63 - 1)))
    rows = bytes(data.draw(length))
    starts = data.draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4))
    out = [bytearray(data.draw(length)) for _ in range(4)]
    for call, arguments in (
        (native.shuffle, (rows, width, out[0])),
        (native.unshuffle, (rows, width, out[0])),
        (native.check, (rows, kind, width)),
        (native.group, (rows, kind, width, np.array(starts, "i8"), *out)),
    ):
        try:
            call(*arguments)
        except ValueError:
            continue
