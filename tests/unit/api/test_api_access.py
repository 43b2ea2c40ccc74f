"""Masters, followers, the database and archives; and what importing the package costs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import joule
from joule.api import Master, TcpNode
from joule.errors import ConfigurationError, ConflictError, InvalidRequestError

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from joule.testing.node import RunningNode
    from tests.unit.api.support import FakeNode


async def test_a_new_user_gets_a_key_that_opens_the_node(
    node: TcpNode, running: RunningNode
) -> None:
    master = await node.master_add("user", "alice")
    assert (master.master_type, master.name) == ("user", "alice")
    async with TcpNode("n", running.url, master.key) as hers:
        assert await hers.version()
    with pytest.raises(ConflictError, match="User already exists"):
        await node.master_add("user", "alice")
    listed = {master.name: master.key for master in await node.master_list()}
    assert listed["alice"] == "omitted"


async def test_masters_are_removed_by_name_object_or_type(node: TcpNode) -> None:
    added = [await node.master_add("user", name) for name in ("a", "b", "c")]
    await node.master_remove("a")
    await node.master_removet(added[1])
    await node.master_delete("user", "c")
    assert [master.name for master in await node.master_list()] == ["tester"]
    with pytest.raises(InvalidRequestError, match=r"no master is called \[a\]"):
        await node.master_remove("a")


@pytest.mark.parametrize(
    ("given", "sent"),
    [("joule_node", "joule"), ("LUMEN_NODE", "lumen"), ("Joule", "joule"), ("lumen", "lumen")],
)
async def test_both_names_of_master_types_are_known(
    given: str, sent: str, fake: FakeNode, client: TcpNode
) -> None:
    bodies: list[dict[str, object]] = []

    async def add(request: web.Request) -> web.Response:
        from aiohttp import web

        bodies.append(await request.json())
        return web.json_response({"name": "their name"})

    fake.on("POST", "/master.json", add)
    assert await client.master_add(given, "host", {"auth_key": "x"}) == Master(given, "their name")
    assert bodies == [
        {
            "master_type": sent,
            "identifier": "host",
            "lumen_params": {"auth_key": "x"},
            "api_key": None,
        }
    ]


async def test_other_master_types_are_refused(client: TcpNode) -> None:
    with pytest.raises(InvalidRequestError, match=r"master_type must be \[user\|joule\|lumen\]"):
        await client.master_add("friend", "host")


async def test_followers_are_nodes_with_this_nodes_authority(fake: FakeNode) -> None:
    follower = {"id": 1, "name": "node2", "location": "http://10.0.0.5:8088", "key": "k"}
    fake.on_json("GET", "/followers.json", [follower])
    fake.on_text("DELETE", "/follower.json", "OK")
    async with TcpNode("n", fake.url, "key", "ca.crt") as node:
        (found,) = await node.follower_list()
        assert (found.name, found.url, found.cafile) == (
            "node2",
            "http://10.0.0.5:8088",
            "ca.crt",
        )
        await node.follower_remove(found)
        await node.follower_delete("node2")
    assert [dict(request.query) for request in fake.requests[1:]] == [{"name": "node2"}] * 2


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("db.example", "db.example")],
)
async def test_the_database_is_reached_by_the_name_of_the_node(
    host: str, expected: str, fake: FakeNode, client: TcpNode
) -> None:
    answer = {"username": "u", "password": "p", "port": 5432, "database": "d", "host": host}
    fake.on_json("GET", "/db/connection.json", answer)
    info = await client.db_connection_info()
    assert info.host == expected
    assert info.to_dsn() == f"postgresql://u:p@{expected}:5432/d"


async def test_an_archive_is_sent_and_its_report_given(
    fake: FakeNode, client: TcpNode, tmp_path: Path
) -> None:
    received: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        from aiohttp import web

        received.append(await request.read())
        message = {"source_label": None, "destination": None, "message": "m", "target_type": None}
        return web.json_response({"info": [message], "warnings": [], "errors": []})

    fake.on("POST", "/archive.json", take)
    (tmp_path / "a.zip").write_bytes(b"zip" * 10)
    report = await client.archive_upload(tmp_path / "a.zip")
    assert report.success
    assert str(report.info_messages[0]) == "m"
    assert received == [b"zip" * 10]


async def test_an_archive_that_cannot_be_read_is_named(client: TcpNode, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read archive \[.*missing\]"):
        await client.archive_upload(tmp_path / "missing")


OLD_IMPORTS = """
from joule.api.annotation import Annotation, AnnotationInfo
from joule.api.data_stream import DataStream, DataStreamInfo, Element
from joule.api.event import Event
from joule.api.event_stream import EventStream, EventStreamInfo
from joule.api.folder import Folder
from joule.api.folder_type import Folder
from joule.api.helpers import create_tcp_node, get_node, get_nodes, save_node, set_default_node
from joule.api.master import Master
from joule.api.module import Module, ModuleStatistics
from joule.api.node import BaseNode, TcpNode, UnixNode
from joule.api.node.base_node import BaseNode
from joule.api.node.node_config import NodeConfig
from joule.api.node.node_info import NodeInfo
from joule.api.node.tcp_node import TcpNode
from joule.api.node.unix_node import UnixNode
from joule.api.proxy import Proxy
"""
"""What scripts of Joule 1.0 begin with."""


@pytest.mark.parametrize("line", OLD_IMPORTS.strip().splitlines())
def test_names_are_found_where_they_used_to_be(line: str) -> None:
    found: dict[str, object] = {}
    exec(f"import joule.api\n{line}", found)
    names = set(found) - {"joule", "__builtins__"}
    assert [name for name in names if found[name] is not getattr(joule.api, name)] == []


def test_an_old_path_can_be_the_first_import_and_be_followed_by_its_name() -> None:
    code = "import joule.api.node.node_info; print(joule.api.node.node_info.NodeInfo.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "NodeInfo"


def test_importing_the_client_loads_no_server_and_no_database() -> None:
    code = (
        "import sys, joule.api;"
        "print([m for m in ('apsw', 'joule.server', 'joule.node', 'joule.storage', 'h5py',"
        " 'dateparser', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
