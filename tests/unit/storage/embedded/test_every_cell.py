"""Every cell of every table, changed: a check reports it, or it is listed here why it is harmless.

A column that is new fails until it is either covered or listed.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np
import pytest

from joule.errors import StorageError
from joule.storage.embedded import EmbeddedEngine, covering
from joule.storage.embedded.quarantine import Loss, put_aside
from joule.storage.interfaces import CatalogChanges, FollowerRecord, Kind

from .stores import INTS, fill, findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HARMLESS = {
    "cold.stream": "the chunks of the stream are looked at once more, or later",
    "cold.time": "the chunks of the stream are looked at once more, or later",
    "span.id": "nothing refers to it",
    "span.groups": "only where it becomes NULL: what is not stored is read from the level below",
}
ALWAYS_REPORTED = "quarantine"
"""Whatever is in this table is a finding, so its cells have nothing to compare with."""


@pytest.fixture
async def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Something in every table."""
    monkeypatch.setattr(covering, "FAN_OUT", 2)
    monkeypatch.setattr(covering, "YOUNG_CHUNKS", 1)
    await fill(path)
    async with EmbeddedEngine(path) as engine:
        await engine.catalog.apply(
            CatalogChanges(
                put=[FollowerRecord(1, "bob", "https://here", "key")],
                delete=[(Kind.DATA_STREAM, 77), (Kind.EVENT_STREAM, 88)],
            )
        )
        await engine._database.write(lambda c: c.execute("INSERT INTO cold VALUES (1, 5)"))
    assert findings(path) == []
    return path


def tables(connection: apsw.Connection) -> list[Any]:
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in connection.execute(sql)]


def columns(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Give table, column and key columns of every cell there is."""
    with closing(apsw.Connection(str(path))) as connection:
        for table in tables(connection):
            info: list[Any] = connection.execute(f"PRAGMA table_info({table})").fetchall()
            keys = [f'"{row[1]}"' for row in info if row[5]]
            for row in info:
                yield table, row[1], keys


def changed(value: Any, random: np.random.Generator) -> list[Any]:
    """What a flipped bit may make of a value: another one of its kind, or NULL."""
    match value:
        case None:
            return [1, "x"]
        case int():
            return [value ^ (1 << int(random.integers(31))), value + 1]
        case float():
            return [value + 1.0]
        case str():
            at = int(random.integers(len(value) or 1))
            return [value[:at] + chr(ord(value[at : at + 1] or "a") ^ 1) + value[at + 1 :]]
        case bytes():
            at = int(random.integers(len(value)))
            return [value[:at] + bytes([value[at] ^ 4]) + value[at + 1 :], None]
    raise AssertionError(value)


def rows_of(connection: apsw.Connection, table: str, column: str, keys: list[str]) -> list[Any]:
    """Give the first and the last row of a table: the cell and the key."""
    sql = f'SELECT "{column}", {", ".join(keys)} FROM {table} ORDER BY {", ".join(keys)}'
    found: list[Any] = connection.execute(sql).fetchall()
    return found[:1] + found[1:][-1:]


def test_every_changed_cell_is_reported_unless_it_is_known_to_be_harmless(
    store: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(4)
    copy = tmp_path / "copy.db"
    silent: dict[str, Any] = {}
    tried: set[str] = set()
    for table, column, keys in columns(store):
        with closing(apsw.Connection(str(store))) as connection:
            rows = rows_of(connection, table, column, keys)
        where = " AND ".join(f"{key} = ?" for key in keys)
        for value, *key in rows:
            for other in changed(value, random):
                shutil.copy(store, copy)
                with closing(apsw.Connection(str(copy))) as connection:
                    try:
                        sql = f'UPDATE {table} SET "{column}" = ? WHERE {where}'
                        connection.execute(sql, (other, *key))
                    except apsw.ConstraintError:
                        continue  # no table with this value can be: the page would be damaged
                tried.add(table)
                if not _is_found(copy):
                    silent[f"{table}.{column}"] = (key, value, other)
    assert {name: silent[name] for name in silent if name not in HARMLESS} == {}
    with closing(apsw.Connection(str(store))) as connection:
        assert set(tables(connection)) - tried == {ALWAYS_REPORTED}


def _is_found(path: Path) -> bool:
    try:
        return bool(findings(path))
    except StorageError:
        return True


async def test_every_entry_of_the_quarantine_is_reported(path: Path) -> None:
    async with EmbeddedEngine(path) as engine:
        losses = [Loss("text", INTS.id, b"bytes"), Loss("")]
        await engine._database.write(lambda c: put_aside(c, losses))
    assert len(findings(path)) == len(losses)


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_smaller_format_number_by_damage_costs_nothing(store: Path, number: int) -> None:
    with closing(apsw.Connection(str(store))) as connection:
        connection.pragma("user_version", number)
    if number == 0:
        with pytest.raises(StorageError, match="there never was one"):
            findings(store)
        return
    async with EmbeddedEngine(store) as engine:
        assert (await engine.usage()).fault is None
    assert findings(store) == []


KINDS = {
    "internal": "SELECT pageno FROM dbstat WHERE pagetype = 'internal'",
    "leaf": "SELECT pageno FROM dbstat WHERE pagetype = 'leaf'",
    "overflow": "SELECT pageno FROM dbstat WHERE pagetype = 'overflow'",
    "header": "SELECT 1",
    "pointer map": "SELECT 2",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_in_each_kind_of_page_is_found_or_changes_nothing(
    store: Path, tmp_path: Path, kind: str
) -> None:
    with closing(apsw.Connection(str(store))) as connection:
        pages = [page for (page,) in connection.execute(KINDS[kind])]
    good, image = _contents(store), store.read_bytes()
    copy = tmp_path / "copy.db"
    random = np.random.default_rng(6)
    for page in random.choice(pages, 60).tolist():
        at = (page - 1) * 4096 + int(random.integers(100 if page == 1 else 0, 4096))
        damaged = bytearray(image)
        damaged[at] ^= 1 << int(random.integers(8))
        copy.write_bytes(damaged)
        assert _contents(copy) == good or _is_found(copy), f"byte {at}"


def _contents(path: Path) -> list[Any]:
    with closing(apsw.Connection(str(path))) as connection:
        try:
            names = [name for name in tables(connection) if name not in ("cold", ALWAYS_REPORTED)]
            return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in names]
        except (apsw.Error, UnicodeDecodeError) as error:
            return [str(error)]
