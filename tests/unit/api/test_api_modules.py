"""Modules through the client library, the blocking one too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.api import ReloadReport, TcpNode, sync
from joule.errors import NotFoundError
from joule.testing.node import running_node
from tests.unit.server.test_server_modules import TwoModules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LINES = ["[2026-01-02T03:04:05.678901]: reader", "two", "thr\xe9e"]


@pytest.fixture
async def node() -> AsyncIterator[TcpNode]:
    async with (
        running_node(modules=TwoModules()) as running,
        TcpNode("test", running.url, running.key) as node,
    ):
        yield node


async def test_modules_are_told_what_to_do(node: TcpNode) -> None:
    assert (await node.module_start("view")).state == "running"
    assert (await node.module_stop(1)).state == "stopped"
    assert (await node.module_restart("view")).state == "starting"
    with pytest.raises(NotFoundError, match="module does not exist"):
        await node.module_stop("no")


async def test_a_log_is_followed(node: TcpNode) -> None:
    assert [line async for line in node.module_log("reader")] == LINES
    with pytest.raises(NotFoundError):
        await anext(node.module_log("no"))


async def test_a_log_is_followed_without_await(node: TcpNode) -> None:
    def follow() -> list[str]:
        with sync.TcpNode("test", node.url, node.to_config().key) as blocking:
            return list(blocking.module_log("reader"))

    assert await asyncio.to_thread(follow) == LINES


async def test_a_node_without_files_reloads_nothing(node: TcpNode) -> None:
    assert await node.module_faults() == []
    assert await node.reload() == ReloadReport()
