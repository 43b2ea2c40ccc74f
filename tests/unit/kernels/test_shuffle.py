"""Shuffle and unshuffle: the transposition of bytes and its inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.kernels.rows import SIZES

if TYPE_CHECKING:
    from tests.unit.kernels.conftest import Kernels


@pytest.mark.parametrize("count", SIZES)
def test_byte_k_of_record_i_is_byte_i_of_plane_k(
    kernels: Kernels, count: int, random: np.random.Generator
) -> None:
    for size in (*range(1, 36), 64, 131):
        records = random.integers(0, 256, count * size, np.uint8)
        planes = kernels.shuffle(records, size)
        assert planes.tobytes() == b"".join(records[k::size].tobytes() for k in range(size))
        assert kernels.unshuffle(planes, size).tobytes() == records.tobytes()


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 400), st.integers(0, 15), st.integers(0, 2**32))
def test_what_is_shuffled_comes_back(
    kernels: Kernels, size: int, count: int, offset: int, seed: int
) -> None:
    buffer = np.random.default_rng(seed).integers(0, 256, offset + count * size, np.uint8)
    records = buffer[offset:]
    planes = kernels.shuffle(records, size)
    assert sorted(planes.tolist()) == sorted(records.tolist())
    assert kernels.unshuffle(planes, size).tobytes() == records.tobytes()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_will_do(kernels: Kernels, kind: type[bytes]) -> None:
    records = kind(bytes(range(6)))
    assert kernels.shuffle(records, 3).tolist() == [0, 3, 1, 4, 2, 5]
    assert kernels.unshuffle(records, 3).tolist() == [0, 2, 4, 1, 3, 5]


def test_the_input_is_left_as_it_is(kernels: Kernels) -> None:
    records = np.arange(200, dtype=np.uint8)
    kernels.shuffle(records, 2)[:] = 0
    kernels.unshuffle(records, 100)[:] = 0
    assert records.tolist() == list(range(200))


@pytest.mark.parametrize("size", [-1, 0, 3])
def test_parts_of_records_are_refused(kernels: Kernels, size: int) -> None:
    for kernel in (kernels.shuffle, kernels.unshuffle):
        with pytest.raises(ValueError, match="records"):
            kernel(bytes(10), size)
