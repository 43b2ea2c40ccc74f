"""A check finds whatever is wrong, and nothing where nothing is."""

from __future__ import annotations

import shutil
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import apsw
import numpy as np
import pytest

from joule.errors import StorageError, StorageFormatError
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.checking import Finding, check_store
from joule.storage.embedded.database import Database
from joule.storage.embedded.pyramid import decode_groups, encode_groups
from joule.storage.interfaces import CatalogChanges, Kind

from .stores import WIDE, fill, findings, random_changes, records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joule.models.decimation import Groups


@pytest.fixture
async def store(path: Path) -> Path:
    await fill(path)
    return path


def change(path: Path, sql: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(sql).fetchall()


async def test_a_good_store_has_no_findings_and_is_counted(store: Path) -> None:
    steps: list[tuple[int, int]] = []
    found: list[Finding] = []
    totals = check_store(store, found.append, lambda *step: steps.append(step))
    assert found == []
    assert (totals.data_streams, totals.event_streams, totals.events) == (3, 1, 200)
    assert totals.rows == 3 * 5020 + 100 - 30
    assert steps[-1][0] == steps[-1][1] > 0


async def test_a_store_in_use_can_be_checked(path: Path) -> None:
    await fill(path)
    async with EmbeddedEngine(path) as engine:
        await random_changes(engine, np.random.default_rng(1), 20)
        assert findings(path) == []
    assert [file.name for file in path.parent.iterdir()] == ["joule.db", "joule.db.lock"]


@pytest.mark.parametrize("seed", range(6))
async def test_random_work_leaves_nothing_to_be_found(path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    async with EmbeddedEngine(path) as engine:
        await engine.catalog.apply(CatalogChanges(put=records()))
        await random_changes(engine, random, 60)
    assert findings(path) == []
    async with EmbeddedEngine(path) as engine:
        await random_changes(engine, random, 20)
        await engine.catalog.apply(CatalogChanges(delete=[(Kind.DATA_STREAM, WIDE.id)]))
        known = findings(path)  # an annotation of it; the rows are about to go
    assert known == ["catalog: annotation 1 is of stream 1: none such"]


async def test_a_missing_a_foreign_and_a_newer_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no store at"):
        findings(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("no store " * 100)
    with pytest.raises(StorageFormatError, match="is not a Joule store"):
        findings(tmp_path / "text.db")
    async with Database(tmp_path / "new.db") as database:
        await database.write(lambda c: c.pragma("user_version", 99))
    with pytest.raises(StorageFormatError, match="has storage format 99"):
        findings(tmp_path / "new.db")


DAMAGE = {
    "UPDATE chunk SET first = first + 1 WHERE stream = 1": "has rows of other times",
    "UPDATE chunk SET rows = rows + 1 WHERE stream = 1": "rows instead of",
    "UPDATE chunk SET last = last + 1 WHERE stream = 1": "has rows of other times",
    "UPDATE chunk SET data = 999 WHERE stream = 1": "has lost its rows",
    "UPDATE chunk SET data_bytes = 5 WHERE stream = 1": "bytes of rows instead of 5",
    "UPDATE chunk SET pyramid_bytes = 5 WHERE pyramid_bytes > 0": "bytes of groups instead of 5",
    "UPDATE chunk SET breaks = x'00' WHERE breaks IS NOT NULL": "cannot be understood",
    "UPDATE chunk SET breaks = zeroblob(40) WHERE stream = 1": "breaks that are not in order",
    "UPDATE chunk SET last = 'text'": "",
    "DELETE FROM chunk": "belong to no chunk",
    "DELETE FROM pyramid WHERE level = 64": "bytes of groups instead of",
    "UPDATE pyramid SET level = 63 WHERE level = 64": "belong to no chunk",
    "UPDATE chunk_data SET data = zeroblob(100)": "do not match their checksum",
    "UPDATE tail SET data = zeroblob(100)": "does not match its checksum",
    "UPDATE tail_floor SET number = 99": "does not match its checksum",
    "UPDATE tail_floor SET number = 0": "has rows in the tail from before the last ones",
    "UPDATE folder SET parent_id = 2 WHERE id = 2": "is inside itself",
    "UPDATE folder SET parent_id = 77 WHERE id = 2": "is in folder 77",
    "UPDATE folder SET name = 'x' WHERE id = 2": "does not match its checksum",
    "DELETE FROM folder WHERE id = 2": "folder 2 is missing",
    "UPDATE data_stream SET folder_id = 9": "is in folder 9",
    "UPDATE data_stream SET datatype = 'text' WHERE id = 1": "bad layout",
    "UPDATE data_stream SET datatype = 'float64' WHERE id = 3": "the layout has",
    "DELETE FROM data_stream WHERE id = 3": "is not in the catalog",
    "DELETE FROM element WHERE id = 1001": "has elements",
    "DELETE FROM annotation": "annotation 1 is missing",
    "UPDATE id_sequence SET next_id = 1 WHERE kind = 'folder'": "folder ids begin again",
    "UPDATE property SET value = '{'": "does not match its checksum",
    "DELETE FROM event_stream": "has events and is not in the catalog",
    "DELETE FROM event WHERE id = 7": "has 199 events",
    "UPDATE event SET reach = 9 WHERE id = 7": "has the reach 9",
    "UPDATE event SET content = '[1]' WHERE id = 7": "content that is no object",
    "UPDATE event SET content = 'x' WHERE id = 7": "cannot be understood",
    "UPDATE event_total SET next_id = 3": "event ids begin again at 3",
    "UPDATE event_total SET next_id = 999": "totals that do not match their checksum",
    "UPDATE event SET content = replace(content, '7', '8')": "does not match its checksum",
    "UPDATE event SET start = start + 1 WHERE id = 7": "event 7 does not match its checksum",
    'UPDATE event SET "end" = "end" + 1 WHERE id = 7': "event 7 does not match its checksum",
    "UPDATE chunk SET breaks = NULL WHERE stream = 3": "breaks that do not match their checksum",
    "INSERT INTO doomed VALUES ('data_stream', 1)": "is there and marked as deleted",
    "INSERT INTO doomed VALUES ('data_stream', 9)": "the mark of deleted data_stream 9",
    "DELETE FROM event": "has no events instead of 200",
    "UPDATE chunk_total SET rows = 5": "counted were 5 and",
    "UPDATE chunk_total SET bytes = 5": "and 5",
    "DELETE FROM chunk_total": "counted were None",
    "INSERT INTO chunk_total VALUES (99, 1, 1)": "counted were 1 and 1",
    "DROP TABLE event": "no such table",
    "DROP TABLE chunk": "no such table",
    "DROP TABLE folder": "no such table",
}


@pytest.mark.parametrize("sql", DAMAGE)
async def test_damage_is_found_and_named(store: Path, sql: str) -> None:
    change(store, sql)
    assert any(DAMAGE[sql] in text for text in findings(store)), findings(store)


async def test_a_finding_names_the_path_of_the_stream_and_the_time(store: Path) -> None:
    change(store, "UPDATE chunk SET last = last - 1 WHERE stream = 1 AND first = 0")
    found: list[Finding] = []
    check_store(store, found.append)
    assert [(one.place, one.time) for one in found] == [("/folder/s1", 0)]


def twist_mean(groups: Groups) -> Groups:
    mean = groups.mean.copy()
    mean[-1, -1] = np.nextafter(mean[-1, -1], np.inf) * (1 + 1e-8)
    return replace(groups, mean=mean)


def twist(name: str) -> Callable[[Groups], Groups]:
    def work(groups: Groups) -> Groups:
        values = getattr(groups, name).copy()
        values.reshape(-1)[-1] += 1
        return replace(groups, **{name: values})

    return work


TWISTS: dict[str, Callable[[Groups], Groups]] = {
    "wrong mean": twist_mean,
    "wrong minimum": twist("minimum"),
    "wrong maximum": twist("maximum"),
    "wrong count": twist("count"),
    "wrong time": twist("timestamp"),
    "groups instead of": lambda groups: groups[:-1],
}


@pytest.mark.parametrize("level", [64, 1024, 16384])
@pytest.mark.parametrize("text", TWISTS)
async def test_groups_that_do_not_follow_from_the_rows_are_found(
    store: Path, text: str, level: int
) -> None:
    with closing(apsw.Connection(str(store))) as connection:
        key = (WIDE.id, level, 0)
        where = "WHERE stream = ? AND level = ? AND first = ?"
        data = connection.execute(f"SELECT data FROM pyramid {where}", key).get
        groups = TWISTS[text](decode_groups(data, WIDE.layout))
        data = encode_groups(groups, WIDE.layout)
        connection.execute(f"UPDATE pyramid SET data = ? {where}", (data, *key))
    assert any(f"decimated by {level}" in line and text in line for line in findings(store))


async def test_an_older_store_is_refused_until_it_is_upgraded(store: Path) -> None:
    change(store, "DROP TABLE chunk_total; DROP TABLE row_sum; PRAGMA user_version = 1")
    with pytest.raises(StorageFormatError, match="older storage format 1"):
        findings(store)
    async with EmbeddedEngine(store):
        pass
    assert findings(store) == []


BLOBS = ("chunk_data.data", "pyramid.data", "tail.data")


@pytest.mark.parametrize("blob", BLOBS)
async def test_any_flipped_byte_of_what_is_stored_for_rows_is_found(
    store: Path, blob: str, tmp_path: Path
) -> None:
    table, column = blob.split(".")
    copy = tmp_path / "copy.db"
    random = np.random.default_rng(2)
    for at in [0, 1, 2, 3, 4, 8, 11, 12, 15, 16, *random.integers(17, 500, 15).tolist()]:
        shutil.copy(store, copy)
        with closing(apsw.Connection(str(copy))) as connection:
            data = bytearray(connection.execute(f"SELECT {column} FROM {table} LIMIT 1").get)
            data[at % len(data)] ^= 1 << int(random.integers(8))
            connection.execute(
                f"UPDATE {table} SET {column} = ?1 WHERE {column} = "
                f"(SELECT {column} FROM {table} LIMIT 1)",
                (bytes(data),),
            )
        assert findings(copy), f"byte {at} of {blob}"


TABLES = (
    "chunk", "chunk_data", "pyramid", "tail", "folder", "data_stream", "element", "event_stream",
    "row_sum", "chunk_total", "annotation", "master", "follower", "id_sequence", "property",
)  # fmt: skip


def contents(path: Path) -> list[object]:
    """Everything in the tables; what cannot be read counts as changed."""
    with closing(apsw.Connection(str(path))) as connection:
        try:
            return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]
        except apsw.Error as error:
            return [str(error)]


def test_a_flipped_byte_anywhere_in_the_file_is_found_or_changes_nothing(
    store: Path, tmp_path: Path
) -> None:
    good, image = contents(store), store.read_bytes()
    copy = tmp_path / "copy.db"
    random = np.random.default_rng(3)
    changed = 0
    for at in random.integers(100, len(image), 150).tolist():
        damaged = bytearray(image)
        damaged[at] ^= 1 << int(random.integers(8))
        copy.write_bytes(damaged)
        if contents(copy) != good:
            changed += 1
            with suppress(StorageError):  # refused as a whole
                assert findings(copy), f"byte {at}"
    assert changed > 50
