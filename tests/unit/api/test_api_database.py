"""The database behind a node: a file on this machine, or a server."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from joule.api import DataStream, Element, TcpNode, UnixNode
from joule.errors import ApiError
from joule.storage.address import Address
from joule.storage.embedded import EmbeddedEngine
from joule.storage.postgres import PostgresEngine
from joule.testing.node import RunningNode, running_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.unit.api.support import FakeNode

sqlalchemy = pytest.importorskip("sqlalchemy")


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[RunningNode]:
    async with running_node(engine=EmbeddedEngine(tmp_path / "joule.db")) as running:
        yield running


async def test_the_file_of_a_node_on_this_machine_is_opened_for_reading(
    embedded: RunningNode,
) -> None:
    async with UnixNode("here", str(embedded.socket_path)) as node:
        stream = DataStream("stream", elements=[Element("x")])
        await node.data_stream_create(stream, "/a")
        engine = await node.db_connect()
    try:
        with engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT name FROM data_stream").scalars().all()
            assert names == ["stream"]
            with pytest.raises(sqlalchemy.exc.OperationalError, match="readonly"):
                connection.exec_driver_sql("DELETE FROM data_stream")
    finally:
        engine.dispose()


async def test_there_is_no_server_to_connect_to_and_the_error_says_what_there_is(
    embedded: RunningNode,
) -> None:
    async with TcpNode("n", embedded.url, embedded.key) as node:
        with pytest.raises(ApiError, match=r"joule\.db\].*Node\.db_connect.*joule admin backup"):
            await node.db_connection_info()


async def test_a_file_that_is_not_here_is_no_file(node: TcpNode) -> None:
    with pytest.raises(ApiError, match="there is no database server"):
        await node.db_connect()


@pytest.fixture
async def on_postgres(postgres_address: str) -> AsyncIterator[RunningNode]:
    engine = PostgresEngine(Address.parse(postgres_address))
    async with running_node(engine=engine) as running:
        yield running


async def test_a_database_server_is_connected_to_from_scripts_and_modules(
    on_postgres: RunningNode, postgres_address: str
) -> None:
    async with (
        TcpNode("script", on_postgres.url, on_postgres.key) as script,
        UnixNode("module", str(on_postgres.socket_path)) as module,
    ):
        stream = DataStream("stream", elements=[Element("x")])
        await script.data_stream_create(stream, "/a")
        info = await script.db_connection_info()
        assert info.username == "joule_module"
        assert postgres_address.endswith(f"@{info.host}:{info.port}/{info.database}")
        assert await module.db_connection_info() == info
        for node in (script, module):
            assert await asyncio.to_thread(_stream_names, await node.db_connect()) == ["stream"]


def _stream_names(engine: Any) -> list[str]:
    try:
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text("SELECT name FROM metadata.stream"))
            return [name for (name,) in found]
    finally:
        engine.dispose()


async def test_a_key_that_may_not_everything_gets_no_credentials(on_postgres: RunningNode) -> None:
    key = await on_postgres.node.access.add_user("reader", scope="write")
    async with TcpNode("reader", on_postgres.url, key) as node:
        with pytest.raises(ApiError, match="403"):
            await node.db_connection_info()


async def test_the_file_of_another_node_is_not_opened(
    embedded: RunningNode, fake: FakeNode, client: TcpNode, tmp_path: Path
) -> None:
    fake.on_json("GET", "/dbinfo", {"path": str(tmp_path / "joule.db")})
    fake.on_json("GET", "/version.json", {"uuid": "00000000-0000-4000-8000-000000000000"})
    with pytest.raises(ApiError, match="is the data of another node"):
        await client.db_connect()


async def test_a_file_that_is_no_store_is_named(
    fake: FakeNode, client: TcpNode, tmp_path: Path
) -> None:
    path = tmp_path / "joule.db"
    path.write_bytes(os.urandom(4096))
    fake.on_json("GET", "/dbinfo", {"path": str(path)})
    fake.on_json("GET", "/version.json", {"uuid": "u"})
    with pytest.raises(ApiError, match=r"cannot read the node's data in \[.*joule\.db\]"):
        await client.db_connect()


async def test_a_server_is_connected_to_with_its_dsn(
    fake: FakeNode, client: TcpNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"username": "u", "password": "p", "port": 5, "database": "d", "host": "localhost"}
    fake.on_json("GET", "/dbinfo", {"path": "/not/here"})
    fake.on_json("GET", "/db/connection.json", answer)
    asked: list[str] = []
    monkeypatch.setattr(sqlalchemy, "create_engine", asked.append)
    await client.db_connect()
    assert asked == ["postgresql+psycopg://u:p@127.0.0.1:5/d"]


async def test_the_old_driver_is_taken_where_there_is_no_newer_one(
    fake: FakeNode, client: TcpNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"username": "u", "password": "p", "port": 5, "database": "d", "host": "db.example"}
    fake.on_json("GET", "/dbinfo", {"path": "/not/here"})
    fake.on_json("GET", "/db/connection.json", answer)
    asked: list[str] = []
    monkeypatch.setattr(sqlalchemy, "create_engine", asked.append)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    await client.db_connect()
    assert asked == ["postgresql://u:p@db.example:5/d"]


@pytest.mark.parametrize(
    ("hidden", "named"), [(["sqlalchemy"], "sqlalchemy"), (["psycopg", "psycopg2"], "psycopg2?")]
)
async def test_without_a_package_it_says_what_to_install(
    hidden: list[str],
    named: str,
    fake: FakeNode,
    client: TcpNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = {"username": "u", "password": "p", "port": 5, "database": "d", "host": "localhost"}
    fake.on_json("GET", "/dbinfo", {"path": "/not/here"})
    fake.on_json("GET", "/db/connection.json", answer)
    for package in hidden:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ApiError, match=rf"install the package \[{named}\]"):
        await client.db_connect()
