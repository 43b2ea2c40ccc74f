from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import apsw
import pytest

from joule.storage.embedded import catalog_tables
from joule.storage.embedded.catalog import EmbeddedCatalog
from joule.storage.embedded.database import Database
from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    EventStreamRecord,
    FolderRecord,
    FollowerRecord,
    MasterRecord,
)
from joule.testing.engine_contract.catalog import FULL, STREAM, everything

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("table", "record", "own"),
    [
        ("folder", FolderRecord, set()),
        ("data_stream", DataStreamRecord, set()),
        ("element", ElementRecord, {"stream_id"}),
        ("event_stream", EventStreamRecord, set()),
        ("annotation", AnnotationRecord, set()),
        ("master", MasterRecord, set()),
        ("follower", FollowerRecord, set()),
    ],
)
def test_every_field_of_a_record_has_a_column(table: str, record: type, own: set[str]) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(catalog_tables.SCHEMA)
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    connection.close()
    assert columns == {item.name for item in fields(record)} - {"elements"} | own


async def test_the_tables_can_be_read_with_plain_sql(tmp_path: Path) -> None:
    async with Database(tmp_path / "joule.db", [catalog_tables.SCHEMA]) as database:
        store = EmbeddedCatalog(database)
        await store.apply(CatalogChanges(put=everything(FULL)))
        sql = (
            "SELECT s.name, e.name, e.units FROM data_stream s JOIN element e ON e.stream_id = s.id"
            ' ORDER BY e."index"'
        )
        rows = await database.read(lambda c: c.execute(sql).fetchall())
        assert rows == [("aggregate", "x", None), ("aggregate", "y", "kW")]


async def test_replacing_a_stream_leaves_no_elements_behind(tmp_path: Path) -> None:
    async with Database(tmp_path / "joule.db", [catalog_tables.SCHEMA]) as database:
        store = EmbeddedCatalog(database)
        await store.apply(CatalogChanges(put=[STREAM]))
        await store.apply(CatalogChanges(put=[replace(STREAM, elements=STREAM.elements[:1])]))
        count = await database.read(lambda c: c.execute("SELECT count(*) FROM element").fetchone())
        assert count == (1,)
