"""A running node and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from joule.testing.node import RunningNode, running_node
from tests.unit.server.support import Http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def running() -> AsyncIterator[RunningNode]:
    async with running_node() as node:
        yield node


@pytest.fixture
async def http(running: RunningNode) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(headers={"X-API-KEY": running.key}) as session:
        yield Http(session, running.url)
