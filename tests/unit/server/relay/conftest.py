"""A node with a site behind a proxy and a site behind a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from joule.models.proxies import Proxy
from joule.testing.node import running_node
from tests.unit.server.relay.support import KEY
from tests.unit.server.site import serving
from tests.unit.server.support import Http
from tests.unit.server.test_server_modules import TwoModules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode
    from tests.unit.server.site import Site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The site behind proxy 0."""
    async with serving() as made:
        yield made


@pytest.fixture
async def running(site: Site) -> AsyncIterator[RunningNode]:
    proxy = Proxy("flask_app", f"{site.url}base/")
    gone = Proxy("gone", "http://127.0.0.1:9/")
    plain = Proxy("plain", site.url)
    for number, each in enumerate((proxy, gone, plain)):
        each.id = number
    async with running_node(modules=TwoModules(), proxies=[proxy, gone, plain]) as node:
        yield node


@pytest.fixture
async def module(running: RunningNode) -> AsyncIterator[Site]:
    """The site behind module 1."""
    async with serving(running.socket_path.parent / "module1") as made:
        yield made


@pytest.fixture
async def session(running: RunningNode) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={KEY: running.key}) as made:
        yield made


@pytest.fixture
def http(running: RunningNode, session: aiohttp.ClientSession) -> Http:
    return Http(session, running.url)
