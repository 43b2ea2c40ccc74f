"""Two nodes that may become each other's masters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.testing.node import running_node
from tests.integration.masters.support import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.api import TcpNode
    from joule.testing.node import RunningNode


@pytest.fixture
async def first() -> AsyncIterator[RunningNode]:
    async with running_node(name="first", answer_s=5) as node:
        yield node


@pytest.fixture
async def second() -> AsyncIterator[RunningNode]:
    async with running_node(name="second", answer_s=5) as node:
        yield node


@pytest.fixture
async def api(first: RunningNode) -> AsyncIterator[TcpNode]:
    """The first node, which gets masters."""
    async with client(first) as node:
        yield node
