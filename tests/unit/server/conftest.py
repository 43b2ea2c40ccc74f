"""A running node and a client of it; tests marked ``furnished`` get one with something in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from joule.testing.node import RunningNode, running_node
from tests.unit.server.rules import furnished_node
from tests.unit.server.support import Http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "furnished: the node has streams, rows, events and notes")


@pytest.fixture
async def running(request: pytest.FixtureRequest) -> AsyncIterator[RunningNode]:
    furnished = request.node.get_closest_marker("furnished") is not None
    async with furnished_node() if furnished else running_node() as node:
        yield node


@pytest.fixture
async def http(running: RunningNode) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(headers={"X-API-KEY": running.key}) as session:
        yield Http(session, running.url)
