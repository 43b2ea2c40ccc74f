"""Nodes for the tests: one of their own, or one that a file of tests shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.daemon import Daemon
from tests.integration.lumen_requests import Lumen, plant
from tests.joule_1_0.environment import old_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["old_python"]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A node that is not started yet, for this test alone."""
    with Daemon(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A running node without modules, for all tests of a file."""
    with Daemon(tmp_path_factory.mktemp("node")) as made:
        yield made.start()


@pytest.fixture(scope="module")
def lumen(shared: Daemon) -> Lumen:
    """A Lumen server that knows a node with two data streams and an event stream."""
    shared.ask(plant)
    return Lumen(shared)
