"""Both implementations of the kernels, and rows to try them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from joule.kernels import plain
from joule.models.base import DATATYPES

if TYPE_CHECKING:
    from joule.kernels import Findings, Sums
    from joule.kernels.results import Array, Bytes, Readable


class Kernels(Protocol):
    """What an implementation offers."""

    def shuffle(self, records: Readable, size: int) -> Bytes: ...
    def unshuffle(self, planes: Readable, size: int) -> Bytes: ...
    def group(self, rows: Array, starts: Array) -> Sums: ...
    def check(self, rows: Array) -> Findings: ...


@pytest.fixture(params=["plain", "compiled"], scope="session")
def kernels(request: pytest.FixtureRequest) -> Any:
    if request.param == "plain":
        return plain
    return pytest.importorskip("joule.kernels.compiled", exc_type=ImportError)


@pytest.fixture(params=DATATYPES, scope="session")
def datatype(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)
