from __future__ import annotations

from contextlib import AsyncExitStack
from hashlib import sha256
from typing import TYPE_CHECKING

import asyncpg
import pytest

from joule.errors import DataError, StorageError
from joule.models.events import Event
from joule.models.intervals import ALL_TIME, Interval
from joule.node.local_node import LocalNode
from joule.storage.address import Address
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import (
    CatalogChanges,
    CatalogSnapshot,
    DataStreamRecord,
    ElementRecord,
    EventQuery,
    FolderRecord,
    Kind,
)
from joule.storage.memory import MemoryEngine
from joule.storage.migration import Migration, rows
from joule.storage.postgres import PostgresEngine
from tests.unit.storage.migration import filled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from joule.storage.interfaces import Engine, StreamRef

    Opener = Callable[[], Engine]

EVERYTHING = EventQuery(ALL_TIME)
ELEMENT = ElementRecord(1, 0, "x", None, None, "continuous", 0.0, 1.0, None, None)


class CutError(Exception):
    """The migration ends here."""


def never(_done: int) -> None:
    """Count nothing."""


@pytest.fixture(params=["memory", "embedded", "postgres"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Open one end, an engine of this kind, anew each time."""
    if request.param == "memory":
        engine = MemoryEngine()
        return lambda: engine
    if request.param == "embedded":
        return lambda: EmbeddedEngine(tmp_path / "one.db")
    address = Address.parse(request.getfixturevalue("postgres_address"))
    return lambda: PostgresEngine(address)


@pytest.fixture
def other(tmp_path: Path) -> Opener:
    """Open the other end."""
    return lambda: EmbeddedEngine(tmp_path / "other.db")


@pytest.fixture(params=["there", "back"])
def ends(request: pytest.FixtureRequest, opener: Opener, other: Opener) -> tuple[Opener, Opener]:
    """Source and destination."""
    return (opener, other) if request.param == "there" else (other, opener)


@pytest.fixture
async def pair(other: Opener) -> AsyncIterator[tuple[Engine, Engine]]:
    """A source with something in it, and an empty destination."""
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(MemoryEngine())
        await filled.fill(source)
        yield source, await stack.enter_async_context(other())


async def migrate(source: Engine, target: Engine, cut_at: int | None = None) -> Migration:
    """Copy; ``cut_at`` rows and events it ends."""
    migration, done = Migration(source, target), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if cut_at is not None and done > cut_at:
            raise CutError

    assert not await migration.begin()
    await migration.copy(advance)
    assert done == migration.length
    return migration


async def check_same(source: Engine, target: Engine) -> None:
    """Compare both ends by other means than the migration does."""
    assert await target.catalog.load() == await source.catalog.load()
    for kind in Kind:
        assert await target.catalog.allocate(kind, 0) == await source.catalog.allocate(kind, 0)
    properties = await target.catalog.properties()
    assert properties.pop("migration")["from"] == filled.UUID
    assert properties == await source.catalog.properties()
    for stream in filled.STREAMS.values():
        for end in (ALL_TIME, Interval(filled.NOW + 100, filled.NOW + 333)):
            assert await target.samples.intervals(stream, end) == await source.samples.intervals(
                stream, end
            )
        assert await contents(target, stream) == await contents(source, stream)
        levels = [block async for block in target.samples.read_decimated(stream, ALL_TIME, 16)]
        count = sum(int(block.groups.count.sum()) for block in levels)
        assert count == (await source.samples.info(stream)).rows
    for id_ in filled.EVENTS:
        read = [await engine.events.read(id_, EVERYTHING) for engine in (source, target)]
        assert list(map(vars, read[0])) == list(map(vars, read[1]))
        assert await target.events.last_id(id_) == await source.events.last_id(id_)


async def contents(engine: Engine, stream: StreamRef) -> bytes:
    blocks = [block.rows.tobytes() async for block in engine.samples.read(stream, ALL_TIME)]
    return b"".join(blocks)


async def test_everything_is_moved(ends: tuple[Opener, Opener]) -> None:
    async with ends[0]() as source, ends[1]() as target:
        await filled.fill(source)
        migration = await migrate(source, target)
        assert await migration.compare(never) == []
        await check_same(source, target)
        await migration.complete()
        assert await Migration(source, target).begin()
    async with ends[0]() as source, ends[1]() as target:
        await check_same(source, target)
        node = await LocalNode.open(target, "name")
        assert node.uuid == filled.UUID


async def test_what_was_cut_goes_on_behind_what_is_there(
    ends: tuple[Opener, Opener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "COMMIT_BYTES", 100_000)
    async with ends[0]() as source:
        await filled.fill(source)
    for cut_at in (0, 7000, 61_000, 61_500, 66_000, 70_000):
        async with ends[0]() as source, ends[1]() as target:
            with pytest.raises(CutError):
                await migrate(source, target, cut_at)
    async with ends[0]() as source, ends[1]() as target:
        migration = await migrate(source, target)
        assert await migration.compare(never) == []
        await check_same(source, target)


async def test_streams_that_the_source_loses_meanwhile_leave_nothing_behind(
    pair: tuple[Engine, Engine],
) -> None:
    source, target = pair
    await migrate(source, target)
    wide = filled.STREAMS["wide"]
    lost = [(Kind.DATA_STREAM, wide.id), (Kind.EVENT_STREAM, filled.EVENTS[0])]
    await source.catalog.apply(CatalogChanges(delete=lost))
    await source.samples.drop([wide.id])
    await source.events.drop([filled.EVENTS[0]])
    migration = await migrate(source, target)
    assert await migration.compare(never) == []
    assert (await target.samples.info(wide)).rows == 0
    assert await target.events.count(filled.EVENTS[0], EVERYTHING) == 0


async def test_a_store_that_is_half_full_is_not_used_by_a_node(
    pair: tuple[Engine, Engine],
) -> None:
    source, target = pair
    with pytest.raises(CutError):
        await migrate(source, target, 100)
    with pytest.raises(StorageError, match="not complete"):
        await LocalNode.open(target, "name")
    with pytest.raises(StorageError, match="not complete"):
        await Migration(target, MemoryEngine()).begin()


async def test_a_destination_that_has_a_node_is_refused(pair: tuple[Engine, Engine]) -> None:
    source, target = pair
    await target.catalog.apply(
        CatalogChanges(
            put=[FolderRecord(1, "root", None, None, 1), FolderRecord(2, "x", None, 1, 1)]
        )
    )
    with pytest.raises(StorageError, match="not empty"):
        await Migration(source, target).begin()
    assert await target.catalog.get_property("migration") is None


async def test_a_node_that_was_only_started_makes_room(pair: tuple[Engine, Engine]) -> None:
    source, target = pair
    await LocalNode.open(target, "name")
    await migrate(source, target)
    await check_same(source, target)


async def test_a_destination_of_another_migration_is_refused(pair: tuple[Engine, Engine]) -> None:
    source, target = pair
    assert not await Migration(source, target).begin()
    await source.catalog.set_property("uuid", "another")
    with pytest.raises(StorageError, match="another node"):
        await Migration(source, target).begin()


async def test_a_source_without_a_node_is_refused() -> None:
    with pytest.raises(StorageError, match="no node"):
        await Migration(MemoryEngine(), MemoryEngine()).begin()


async def test_rows_that_the_source_does_not_have_are_noticed(
    pair: tuple[Engine, Engine],
) -> None:
    source, target = pair
    stream = filled.STREAMS["empty"]
    target.samples.append(stream, filled.rows(stream, range(1)))
    await target.samples.commit()
    with pytest.raises(StorageError, match=r"/site/größe/empty: the destination has other rows"):
        await migrate(source, target)


async def test_every_difference_is_told(pair: tuple[Engine, Engine]) -> None:
    source, target = pair
    migration = await migrate(source, target)
    large, broken, wide = (filled.STREAMS[name] for name in ("large", "broken", "wide"))
    await target.samples.delete(large, Interval(filled.NOW + 5, filled.NOW + 6))
    assert await target.samples.consolidate(broken, ALL_TIME, 10) > 0
    row = Interval(filled.NOW + 6, filled.NOW + 7)
    await target.samples.delete(wide, row)
    changed = filled.rows(wide, range(6, 7))
    changed["data"] += 1
    await target.samples.insert(wide, changed, starts_interval=False, ends_interval=False)
    (first, *_) = await target.events.read(filled.EVENTS[0], EVERYTHING)
    await target.events.put(filled.EVENTS[0], [Event(1, 2, {}, first.id)])
    folder = FolderRecord(4, "other", None, 9, filled.NOW)
    await target.catalog.apply(CatalogChanges(put=[folder]))
    found = await migration.compare(never)
    assert found == [
        "folder 4 differs",
        f"/site/größe/large: the rows differ ({filled.LARGE_ROWS} in the source, "
        f"{filled.LARGE_ROWS - 1} in the destination)",
        "/site/größe/broken: the intervals differ (30 in the source, 1 in the destination)",
        "/site/größe/wide: the contents differ",
        "/site/loads: the contents differ",
    ]


async def test_the_source_stays_as_it_is(pair: tuple[Engine, Engine]) -> None:
    source, target = pair
    reference = MemoryEngine()
    await filled.fill(reference)
    await migrate(source, target)
    assert await source.catalog.load() == await reference.catalog.load() != CatalogSnapshot()
    assert await source.catalog.properties() == await reference.catalog.properties()
    for stream in filled.STREAMS.values():
        assert await contents(source, stream) == await contents(reference, stream)
    assert await source.events.read(3, EVERYTHING) == await reference.events.read(3, EVERYTHING)


async def test_a_stream_that_the_destination_cannot_hold_is_named(postgres_address: str) -> None:
    odd = DataStreamRecord(1, "odd", None, "uint8", -1, True, False, 1, 1, (ELEMENT,))
    async with MemoryEngine() as source, PostgresEngine(Address.parse(postgres_address)) as target:
        await filled.fill(source)
        await source.catalog.apply(CatalogChanges(put=[odd]))
        with pytest.raises(DataError, match=r"data stream \[odd\]: .* uint8"):
            await migrate(source, target)


async def test_keys_of_joule_1_0_are_moved_as_hashes(
    postgres_address: str, pair: tuple[Engine, Engine]
) -> None:
    address = Address.parse(postgres_address)
    async with PostgresEngine(address) as source:
        await filled.fill(source)
    connection = await asyncpg.connect(postgres_address)
    await connection.execute("INSERT INTO metadata.master VALUES (9, 'old', 'the-key', 'USER', 1)")
    await connection.close()
    async with PostgresEngine(address) as source:
        await migrate(source, pair[1])
    (moved,) = [item for item in (await pair[1].catalog.load()).masters if item.name == "old"]
    assert moved.key_hash == sha256(b"the-key").digest()
