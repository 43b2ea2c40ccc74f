"""A client of the real server, and one of a server that answers what a test says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from joule.api import Policy, TcpNode
from joule.testing.node import RunningNode, running_node
from tests.unit.api.support import FakeNode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def running() -> AsyncIterator[RunningNode]:
    async with running_node() as running:
        yield running


@pytest.fixture
async def node(running: RunningNode) -> AsyncIterator[TcpNode]:
    async with TcpNode("test", running.url, running.key) as node:
        yield node


@pytest.fixture
async def fake() -> AsyncIterator[FakeNode]:
    fake = FakeNode()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", fake.handle)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    async with TestServer(application, host="127.0.0.1") as server:
        fake.url = f"http://127.0.0.1:{server.port}"
        yield fake


@pytest.fixture
async def client(fake: FakeNode) -> AsyncIterator[TcpNode]:
    """A node object that talks to ``fake`` and does not wait between its tries."""
    policy = Policy(retries=2, retry_delay_s=0.0)
    async with TcpNode("fake", fake.url, "key", policy=policy) as node:
        yield node
