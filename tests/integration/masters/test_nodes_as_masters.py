"""Nodes as masters of nodes: the handshake, what it gives, and its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import ApiError, EmptyPipeError
from joule.models.streams import DataStream, Element
from joule.testing.node import running_node
from tests.integration.masters.support import allowed, client, masters

if TYPE_CHECKING:
    from joule.api import TcpNode
    from joule.models.pipes import Pipe
    from joule.testing.node import RunningNode


async def test_a_node_becomes_the_follower_of_another(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    master = await api.master_add("joule", second.url)
    assert (master.master_type, master.name) == ("joule", "second")
    assert await masters(api) == [("JOULE_NODE", "second", "admin")]
    async with client(second) as other:
        [follower] = await other.follower_list()
        assert (follower.name, follower.url) == ("first", first.url)
        async with follower:
            assert (await follower.info()).name == "first"
            assert (await follower.folder_root()).name == "root"


async def test_three_nodes_control_each_other(first: RunningNode, second: RunningNode) -> None:
    async with running_node(name="third") as third:
        nodes = [first, second, third]
        for mine in nodes:
            for other in nodes:
                if other is not mine:
                    async with client(mine) as node:
                        await node.master_add("joule_node", other.url)
        for mine in nodes:
            async with client(mine) as node:
                names = [follower.name for follower in await node.follower_list()]
                assert sorted([*names, mine.node.name]) == ["first", "second", "third"]


async def test_a_node_that_asks_again_gets_a_new_key_and_the_old_one_is_no_good(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    await api.master_add("joule", second.url)
    old = second.node.followers.list()[0].key
    await api.master_add("joule", second.url)
    [follower] = second.node.followers.list()
    assert follower.key != old
    assert await allowed(first, follower.key)
    assert not await allowed(first, old)
    assert await masters(api) == [("JOULE_NODE", "second", "admin")]


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_a_master_can_be_given_less_than_everything(
    api: TcpNode, second: RunningNode, scope: str
) -> None:
    await api.master_add("joule", second.url, scope=scope)
    assert await masters(api) == [("JOULE_NODE", "second", scope)]
    async with client(second) as other:
        [follower] = await other.follower_list()
        async with follower:
            assert (await follower.folder_root()).name == "root"
            with pytest.raises(ApiError, match="403"):
                await follower.master_list()


async def test_a_master_that_is_removed_has_no_access_at_once_not_even_open_ones(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    stream = DataStream("live", elements=[Element("x")])
    stream = await api.data_stream_create(stream, "/a")
    writer = await api.data_write(stream)
    await api.master_add("joule", second.url)
    key = second.node.followers.list()[0].key
    async with client(first, key) as follower:
        pipe = await follower.data_subscribe(stream)
        await writer.write(np.array([[1, 1.0]]))
        assert len(await pipe.read()) == 1
        await api.master_delete("joule", "second")
        pipe.consume(1)
        await ended(pipe)
        assert not await allowed(first, key)
    await writer.write(np.array([[2, 1.0]]))  # others go on
    await writer.close()
    assert (await api.data_stream_info(stream)).rows == 2


async def test_an_upload_ends_with_the_access_of_its_master(
    api: TcpNode, first: RunningNode
) -> None:
    key = (await api.master_add("user", "writer")).key
    stream = await api.data_stream_create(DataStream("up", elements=[Element("x")]), "/a")
    async with client(first, key) as guest:
        pipe = await guest.data_write(stream)
        await pipe.write(np.array([[1, 1.0]]))
        await api.master_delete("user", "writer")
        with pytest.raises(ApiError):
            await write_on(pipe)
        with suppress(ApiError):
            await pipe.close()


async def test_a_new_key_ends_what_the_old_one_opened(api: TcpNode, first: RunningNode) -> None:
    old = await first.node.access.add_user("guest")
    stream = await api.data_stream_create(DataStream("x", elements=[Element("x")]), "/a")
    writer = await api.data_write(stream)
    async with client(first, old) as guest:
        pipe = await guest.data_subscribe(stream)
        await first.node.access.add_user("guest", replace=True)
        await ended(pipe)
    await writer.close()


async def test_followers_are_forgotten_one_by_one_and_keep_their_masters(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    await api.master_add("joule", second.url)
    async with client(second) as other:
        [follower] = await other.follower_list()
        await other.follower_remove(follower)
        assert await other.follower_list() == []
        with pytest.raises(ApiError, match=r"^follower not found \[404\]$"):
            await other.follower_delete("first")
    assert await masters(api) == [("JOULE_NODE", "second", "admin")]


async def ended(pipe: Pipe) -> None:
    """The pipe gives nothing more, and does not wait for it either."""
    with pytest.raises((ApiError, EmptyPipeError)):
        await asyncio.wait_for(pipe.read(), 10)
    await pipe.close()


async def write_on(pipe: Pipe) -> None:
    for time in range(2, 10_000):
        await pipe.write(np.array([[time, 1.0]]))
        await asyncio.sleep(0)
