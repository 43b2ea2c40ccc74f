"""A store of an older format is brought up to date in place, wherever that is interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import numpy as np
import pytest

from joule.errors import StorageDamagedError, StorageFormatError
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine, database, format_3, upgrades
from joule.storage.embedded.database import FORMAT_VERSION, Database
from joule.storage.interfaces import SampleInfo, StreamRef
from joule.testing.engine_contract.checks import check_stream
from tests.data import sample_store
from tests.data.sample_store import unpack

from .stores import findings

if TYPE_CHECKING:
    from pathlib import Path

LAYOUT = Layout("float32", 2)
STREAMS = [StreamRef(number, LAYOUT) for number in (3, 1, 7)]


class InterruptedUpgradeError(Exception):
    pass


@pytest.fixture
async def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store as format 1 left it, with more chunks than one part of the upgrade takes."""
    monkeypatch.setattr(upgrades, "CHUNKS_PER_PART", 2)
    path = tmp_path / "joule.db"
    async with EmbeddedEngine(path) as engine:
        for number, stream in enumerate(STREAMS):
            for start in range(0, 2 * number + 1):
                rows = np.zeros(100, LAYOUT.dtype)
                rows["timestamp"] = np.arange(100) + 1000 * start
                flags = {"starts_interval": True, "ends_interval": False}
                await engine.samples.insert(stream, rows, **flags)
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE chunk_total; PRAGMA user_version = 1").fetchall()
    connection.close()
    return path


async def infos(path: Path) -> list[SampleInfo]:
    async with EmbeddedEngine(path) as engine:
        return [await engine.samples.info(stream) for stream in STREAMS]


def summed(path: Path) -> list[SampleInfo]:
    """What the chunks say, without any code of the engine."""
    connection = apsw.Connection(str(path))
    sums = "sum(rows), min(first), max(last), sum(data_bytes + pyramid_bytes)"
    found = [
        SampleInfo(*connection.execute(f"SELECT {sums} FROM chunk WHERE stream = ?", (s.id,)).get)
        for s in STREAMS
    ]
    connection.close()
    return found


def format_of(path: Path) -> tuple[int, bool]:
    connection = apsw.Connection(str(path))
    under_way = "SELECT count(*) FROM sqlite_schema WHERE name = 'upgrade'"
    found = connection.pragma("user_version"), bool(connection.execute(under_way).get)
    connection.close()
    return found


async def test_an_older_store_is_upgraded_when_it_is_opened(old: Path) -> None:
    assert await infos(old) == summed(old)
    assert format_of(old) == (FORMAT_VERSION, False)


@pytest.mark.parametrize("committed", [False, True])
async def test_an_upgrade_interrupted_at_any_part_is_finished_at_the_next_opening(
    old: Path, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    interruptions = 0
    done = False
    while not done:
        done = await interrupted(old, monkeypatch, committed=committed, parts=interruptions)
        interruptions += not done
        if interruptions > 50:
            pytest.fail("the upgrade does not end")
    assert interruptions > 2
    assert await infos(old) == summed(old)
    assert format_of(old) == (FORMAT_VERSION, False)


async def interrupted(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, committed: bool, parts: int
) -> bool:
    """Open a store and stop it in, or behind, a part of the upgrade; whether it opened.

    With ``committed`` each opening gets one part further, otherwise ``parts`` parts and then one
    that is undone: both stop at every part in turn.
    """
    left = 1 if committed else parts

    def advance(connection: apsw.Connection, steps: object) -> int | None:
        nonlocal left
        if committed and not left:
            raise InterruptedUpgradeError
        number = upgrades.advance(connection, upgrades.STEPS)
        if not committed and not left and number is not None:
            raise InterruptedUpgradeError
        left -= 1
        return number

    with monkeypatch.context() as patched:
        patched.setattr(database, "advance", advance)
        try:
            async with Database(path):
                return True
        except InterruptedUpgradeError:
            return False


@pytest.mark.parametrize("committed", [False, True])
async def test_a_store_that_format_2_wrote_is_whole_after_an_upgrade_interrupted_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    monkeypatch.setattr(format_3, "ROWS_PER_PART", 3)
    path = tmp_path / "joule.db"
    unpack(2, path)
    interruptions = 0
    while not await interrupted(path, monkeypatch, committed=committed, parts=interruptions):
        interruptions += 1
        if interruptions > 50:
            pytest.fail("the upgrade does not end")
    assert interruptions > 5
    async with EmbeddedEngine(path) as engine:
        assert (await engine.usage()).fault is None
        for stream in sample_store.STREAMS:
            runs = [sample_store.rows(stream, times) for times in sample_store.RUNS[stream.id]]
            await check_stream(engine.samples, stream, runs, levels=(4, 64))
    assert findings(path) == []


async def test_what_is_damaged_in_an_older_store_is_told_and_the_rest_upgraded(
    tmp_path: Path,
) -> None:
    path = tmp_path / "joule.db"
    unpack(2, path)
    connection = apsw.Connection(str(path))
    (last,) = connection.execute("SELECT max(number) FROM tail").fetchone() or (0,)
    change = "UPDATE tail SET data = zeroblob(9) WHERE number = ?"
    connection.execute(change, (last - 1,)).fetchall()
    connection.close()
    async with EmbeddedEngine(path) as engine:
        assert (await engine.usage()).fault is not None
        for stream in sample_store.STREAMS:
            info = await engine.samples.info(stream)
            written = sum(map(len, sample_store.RUNS[stream.id]))
            assert written - 20 < info.rows <= written
    assert [text for text in findings(path) if "does not match its checksum" in text]


def damage_page(path: Path, table: str) -> None:
    """Make the last page of a table unreadable."""
    connection = apsw.Connection(str(path))
    # SQLite has a new table begin right behind all others: in a file as small as this, the
    # damaged page would lie there, and could not be moved away.
    for verb in ("CREATE TABLE filler{} (a)", "DROP TABLE filler{}"):
        for number in range(10):
            connection.execute(verb.format(number))
    page = connection.execute("SELECT max(pageno) FROM dbstat WHERE name = ?", (table,)).get
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 64)


@pytest.mark.parametrize("table", ["tail", "tail_floor"])
async def test_an_older_store_is_upgraded_although_pages_of_its_tail_cannot_be_read(
    tmp_path: Path, table: str
) -> None:
    path = tmp_path / "joule.db"
    unpack(2, path)
    damage_page(path, table)
    async with EmbeddedEngine(path) as engine:
        assert (await engine.usage()).fault is not None
        for stream in sample_store.STREAMS:
            assert (await engine.samples.info(stream)).rows
    assert format_of(path) == (FORMAT_VERSION, False)
    assert [text for text in findings(path) if "cannot be read" in text]


async def test_what_to_do_is_said_when_damage_keeps_a_store_from_being_upgraded(
    tmp_path: Path,
) -> None:
    path = tmp_path / "joule.db"
    unpack(2, path)
    damage_page(path, "chunk")
    with pytest.raises(StorageDamagedError, match=r"upgraded to storage format 3: .* restore"):
        await EmbeddedEngine(path).__aenter__()


async def test_a_store_whose_upgrade_has_begun_is_refused_by_an_older_version(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not await interrupted(old, monkeypatch, committed=True, parts=0)
    monkeypatch.setattr(database, "FORMAT_VERSION", 1)
    with pytest.raises(StorageFormatError, match="storage format 2"):
        await infos(old)


async def test_a_new_store_has_the_newest_format(tmp_path: Path) -> None:
    await infos(tmp_path / "joule.db")
    assert format_of(tmp_path / "joule.db") == (FORMAT_VERSION, False)
