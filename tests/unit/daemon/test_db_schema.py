"""``db_schema`` in module files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.config.main_conf import default_config
from joule.daemon.config_files import ConfigFiles
from joule.errors import StorageError
from joule.node import LocalNode
from joule.storage.address import Address
from joule.storage.memory import MemoryEngine
from joule.storage.postgres import PostgresEngine

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.main_conf import Folders
    from joule.utilities import ConnectionInfo

MODULE = "[Main]\nname = {0}\nexec_cmd = true\ndb_schema = {0}_tables\n"


class Full:
    """A database that takes one schema."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def connection_info(self) -> ConnectionInfo:
        raise NotImplementedError

    async def make_schema(self, name: str) -> None:
        if self.made:
            raise StorageError("no more")
        self.made.append(name)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = default_config(tmp_path).folders
    folders.modules.mkdir()
    for name in ("one", "two"):
        (folders.modules / f"{name}.conf").write_text(MODULE.format(name))
    return folders


async def test_a_schema_is_made_for_a_module(folders: Folders, postgres_address: str) -> None:
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        node = await LocalNode.open(engine, "n")
        await ConfigFiles(folders, node.catalog, engine.database).read_modules()
        sql = "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%\\_tables' ORDER BY 1"
        made = await engine._server.read(lambda connection: connection.fetch(sql))
        assert [name for (name,) in made] == ["one_tables", "two_tables"]


async def test_a_module_whose_schema_cannot_be_made_runs_all_the_same(
    folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    node, database = await LocalNode.open(MemoryEngine(), "n"), Full()
    modules = await ConfigFiles(folders, node.catalog, database).read_modules()
    assert [module.name for module in modules] == ["one", "two"]
    assert database.made == ["one_tables"]
    assert "cannot make the db_schema [two_tables]: no more" in caplog.text


async def test_without_a_server_it_has_no_effect(
    folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    node = await LocalNode.open(MemoryEngine(), "n")
    assert len(await ConfigFiles(folders, node.catalog).read_modules()) == 2
    assert caplog.text.count("db_schema has no effect without PostgreSQL") == 2
