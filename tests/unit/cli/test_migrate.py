"""``joule admin migrate`` of a node whose rows are, or were, in a NilmDB server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.storage.embedded import EmbeddedEngine
from joule.storage.nilmdb import NilmdbEngine
from tests.integration.nilmdb import NilmDB, serving
from tests.unit.storage.migration import filled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]

STREAM = filled.STREAMS["wide"]
HIDDEN = 17


@pytest.fixture
def double() -> Iterator[NilmDB]:
    with serving(NilmDB()) as double:
        yield double


@pytest.fixture
def store(tmp_path: Path, double: NilmDB) -> Path:
    """The store of a node that has had rows of its own before it got its NilmDB."""

    async def make(path: Path) -> Path:
        async with EmbeddedEngine(path) as engine:
            await engine.catalog.set_property("uuid", filled.UUID)
            await engine.catalog.apply(filled.catalog())
            engine.samples.append(STREAM, filled.rows(STREAM, range(HIDDEN)))
        async with NilmdbEngine(EmbeddedEngine(path), double.url) as engine:
            engine.samples.append(STREAM, filled.rows(STREAM, range(100, 400)))
        return path

    return asyncio.run(make(tmp_path / "old.db"))


def rows_in(path: Path) -> int:
    async def count() -> int:
        async with EmbeddedEngine(path) as engine:
            return (await engine.samples.info(STREAM)).rows

    return asyncio.run(count())


@pytest.fixture
def migrate(run: Run, store: Path) -> Run:
    """Migrate that store to another file."""
    ends = ("--from", f"sqlite:///{store}", "--to", f"sqlite:///{store.parent}/new.db")
    return lambda *words: run("admin", "migrate", *ends, *words)


def test_rows_at_a_server_are_not_forgotten(migrate: Run, store: Path, double: NilmDB) -> None:
    result = migrate()
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: The rows of [sqlite:///{store}] are in NilmDB at [{double.url}]: "
        "name it with --from-nilmdb, or say --from-nilmdb none to leave them out\n"
    )
    assert not store.with_name("new.db").exists()


def test_what_the_node_did_not_see_stays_and_this_is_said(
    migrate: Run, store: Path, double: NilmDB
) -> None:
    result = migrate("--from-nilmdb", double.url)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Moved 300 rows and events, both ends are the same",
        f"17 rows in [sqlite:///{store}] itself were left out: they are older than its NilmdbUrl",
    ]
    assert rows_in(store.with_name("new.db")) == 300


def test_rows_at_a_server_may_be_left_there(migrate: Run, store: Path, double: NilmDB) -> None:
    double.is_down = True
    result = migrate("--from-nilmdb", "none")
    assert result.exit_code == 0, result.output
    assert rows_in(store.with_name("new.db")) == HIDDEN


def test_a_server_that_was_named_and_is_away_is_an_error(
    migrate: Run, store: Path, double: NilmDB
) -> None:
    double.is_down = True
    result = migrate("--from-nilmdb", "http://me:secret@127.0.0.1:1")
    assert result.exit_code == 1
    assert "NilmDB at [http://me@127.0.0.1:1] does not answer" in result.stderr
    assert "secret" not in result.output
    assert not store.with_name("new.db").exists()


def test_passwords_of_what_is_no_database_are_not_shown(run: Run, store: Path) -> None:
    result = run(
        "admin", "migrate", "--from", "mysql://me:secret@h/d", "--to", f"sqlite:///{store}"
    )
    assert "[mysql://me@h/d] is not a database" in result.output
    assert "secret" not in result.output
