"""Migrations from and to engines whose rows are in a NilmDB server (a double of one, see there)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import ROWS_IN_NILMDB
from joule.storage.memory import MemoryEngine
from joule.storage.migration import rows
from joule.storage.nilmdb import NilmdbEngine
from tests.integration.nilmdb import NilmDB, serving
from tests.unit.storage.migration import filled
from tests.unit.storage.migration.test_migration import (
    CutError,
    check_same,
    contents,
    migrate,
    never,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.storage.interfaces import Engine


@pytest.fixture
def double() -> Iterator[NilmDB]:
    with serving(NilmDB()) as double:
        yield double


async def fill(engine: Engine) -> None:
    """Store what any engine can hold: no break between rows that are a microsecond apart."""
    await filled.fill(engine)
    await engine.samples.consolidate(filled.STREAMS["long"], ALL_TIME, 10)


async def check_moved(source: Engine, target: Engine) -> None:
    """See that everything but the word about NilmDB is the same."""
    for engine in (source, target):
        await engine.catalog.set_property(ROWS_IN_NILMDB, None)
    await check_same(source, target)


async def test_rows_leave_a_server(tmp_path: Path, double: NilmDB) -> None:
    async with (
        NilmdbEngine(MemoryEngine(), double.url) as source,
        EmbeddedEngine(tmp_path / "new.db") as target,
    ):
        await fill(source)
        migration = await migrate(source, target)
        assert await migration.compare(never) == []
        assert await target.catalog.get_property(ROWS_IN_NILMDB) is None
        await check_moved(source, target)


async def test_rows_go_into_a_server_in_pieces(
    tmp_path: Path, double: NilmDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "COMMIT_BYTES", 100_000)
    catalog = MemoryEngine()
    async with EmbeddedEngine(tmp_path / "old.db") as source:
        await fill(source)
        for cut_at in (0, 7000, 61_500, 66_000):
            async with NilmdbEngine(catalog, double.url) as target:
                with pytest.raises(CutError):
                    await migrate(source, target, cut_at)
        async with NilmdbEngine(catalog, double.url) as target:
            migration = await migrate(source, target)
            assert await migration.compare(never) == []
            assert await target.catalog.get_property(ROWS_IN_NILMDB) == double.url
            await check_moved(source, target)
    assert len(double.streams["/joule/10"].rows) == filled.LARGE_ROWS


async def test_a_catalog_moves_and_the_rows_stay_where_they_are(
    tmp_path: Path, double: NilmDB
) -> None:
    async with (
        NilmdbEngine(MemoryEngine(), double.url) as source,
        NilmdbEngine(EmbeddedEngine(tmp_path / "new.db"), double.url) as target,
    ):
        await fill(source)
        before = await contents(source, filled.STREAMS["large"])
        double.routes.clear()
        migration = await migrate(source, target)
        assert "/stream/insert" not in double.routes
        assert await migration.compare(never) == []
        assert await contents(target, filled.STREAMS["large"]) == before


async def test_rows_of_another_node_at_the_server_are_noticed(
    tmp_path: Path, double: NilmDB
) -> None:
    stream = filled.STREAMS["large"]
    foreign = filled.rows(stream, range(10_000_000, 10_000_003))
    double.plant("/joule/10", str(stream.layout), foreign, [(0, 2**60)])
    async with (
        EmbeddedEngine(tmp_path / "old.db") as source,
        NilmdbEngine(MemoryEngine(), double.url) as target,
    ):
        await fill(source)
        with pytest.raises(StorageError, match=r"/large: the destination has other rows"):
            await migrate(source, target)


async def test_a_break_that_the_server_cannot_hold_is_told(tmp_path: Path, double: NilmDB) -> None:
    async with (
        EmbeddedEngine(tmp_path / "old.db") as source,
        NilmdbEngine(MemoryEngine(), double.url) as target,
    ):
        await filled.fill(source)
        migration = await migrate(source, target)
        (difference,) = await migration.compare(never)
        assert difference.startswith("/site/größe/long: the intervals differ")
