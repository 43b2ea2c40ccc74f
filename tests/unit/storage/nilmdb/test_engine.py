from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.models.layout import Layout
from joule.node.disk import disk_usage
from joule.storage import open_engine
from joule.storage.interfaces import Kind, StreamRef
from joule.storage.memory import MemoryEngine
from joule.storage.nilmdb import NilmdbEngine
from joule.testing.engine_contract.checks import make_rows
from joule.utilities import ConnectionInfo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.nilmdb import NilmDB


class ServerEngine(MemoryEngine):
    """An engine that a program can connect to."""

    def __init__(self) -> None:
        super().__init__()
        self.schemas: list[str] = []

    @property
    def database(self) -> Any:
        return self

    def connection_info(self) -> ConnectionInfo:
        return ConnectionInfo("user", "password", 5432, "joule", "localhost")

    async def make_schema(self, name: str) -> None:
        self.schemas.append(name)


async def test_all_but_the_rows_is_in_the_other_engine(
    engine: NilmdbEngine, inner: MemoryEngine
) -> None:
    assert engine.catalog is inner.catalog
    assert engine.events is inner.events
    assert engine.database is None
    assert await engine.catalog.allocate(Kind.FOLDER) == range(1, 2)


async def test_who_connects_to_the_database_is_told_of_the_server(double: NilmDB) -> None:
    inner = ServerEngine()
    async with NilmdbEngine(inner, f"{double.url}/") as engine:
        assert engine.database is not None
        assert engine.database.connection_info().to_json() == {
            **inner.connection_info().to_json(),
            "nilmdb_url": double.url,
        }
        await engine.database.make_schema("mine")
        assert inner.schemas == ["mine"]


async def test_the_room_is_that_of_the_server(engine: NilmdbEngine) -> None:
    usage = await disk_usage(await engine.usage())
    assert (usage.other, usage.reserved, usage.free) == (4000, 500, 10**9)
    assert usage.fault is None


async def test_a_setting_chooses_the_server(tmp_path: Path, double: NilmDB) -> None:
    async with open_engine(None, tmp_path, nilmdb_url=double.url) as engine:
        assert isinstance(engine, NilmdbEngine)
        assert (tmp_path / "joule.db").exists()


async def test_leaving_stores_what_was_accepted(double: NilmDB, inner: MemoryEngine) -> None:
    layout = Layout("int8", 1)
    async with NilmdbEngine(inner, double.url) as engine:
        engine.samples.append(StreamRef(3, layout), make_rows(layout, [1, 2]))
    assert len(double.streams["/joule/3"].rows) == 2
