"""``joule admin backup``, ``restore``, ``check`` and ``erase`` on the store of a stopped node."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import numpy as np
import pytest

from joule.cli import host
from joule.models.events import Event
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.copying import held
from joule.storage.interfaces import (
    EXPORTERS_1_0,
    ROWS_IN_NILMDB,
    CatalogChanges,
    CatalogSnapshot,
    StreamRef,
)
from joule.storage.migration import mark as migration
from joule.testing.engine_contract.catalog import FULL, everything
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]

ROWS = StreamRef(1, Layout("float32", 2))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store of the node whose data folder is ``tmp_path / "data"``."""
    monkeypatch.setattr(host, "SYSTEM_FILE", tmp_path / "no main.conf")
    path = tmp_path / "data" / "joule.db"
    path.parent.mkdir()
    asyncio.run(fill(path, 1000))
    return path


async def fill(path: Path, count: int) -> None:
    async with EmbeddedEngine(path) as engine:
        await engine.catalog.apply(CatalogChanges(put=everything(FULL)))
        info = await engine.samples.info(ROWS)
        times = np.arange(info.rows, info.rows + count)
        engine.samples.append(ROWS, make_rows(ROWS.layout, times))
        await engine.events.write(1, [Event(1, 2, {"a": 1})])


def state(path: Path) -> tuple[CatalogSnapshot, int, int]:
    """The catalog, and the number of rows and of events."""

    async def look() -> tuple[CatalogSnapshot, int, int]:
        async with EmbeddedEngine(path) as engine:
            rows = (await engine.samples.info(ROWS)).rows
            return await engine.catalog.load(), rows, (await engine.events.info(1)).count

    return asyncio.run(look())


@pytest.fixture
def admin(run: Run, store: Path) -> Run:
    """Run ``joule admin`` for that node."""

    def invoke(command: str, *words: str, answer: str | None = None) -> Result:
        return run("admin", command, "--data", str(store.parent), *words, answer=answer)

    return invoke


def test_a_backup_brings_everything_back(admin: Run, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "saved.db"
    result = admin("backup", str(file))
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1), result.output
    assert result.stdout.startswith("Saved ")
    before = state(store)
    asyncio.run(fill(store, 500))
    result = admin("restore", str(file))
    assert result.exit_code == 0, result.output
    restored, kept = result.stdout.splitlines()
    assert restored == f"Restored [{file}]"
    assert state(store) == before
    aside = next(store.parent.glob("joule.db.before-*"))
    assert kept == f"What was there is kept as [{aside}]"
    assert state(aside)[1] == 1500


def test_a_backup_can_start_a_node_elsewhere(run: Run, admin: Run, store: Path) -> None:
    file = store.parent / "saved.db"
    admin("backup", str(file))
    folder = store.parent / "new" / "data"
    result = run("admin", "restore", "--data", str(folder), str(file))
    assert (result.exit_code, result.stdout) == (0, f"Restored [{file}]\n"), result.output
    assert state(folder / "joule.db") == state(store)


def test_a_file_is_not_replaced_without_asking(admin: Run, tmp_path: Path) -> None:
    file = tmp_path / "saved.db"
    file.write_text("precious")
    result = admin("backup", str(file), answer="n\n")
    assert (result.exit_code, file.read_text()) == (0, "precious")
    assert result.stdout == f"Replace [{file}]? [y/N]: n\nCancelled\n"
    assert admin("backup", "--yes", str(file)).exit_code == 0
    assert file.stat().st_size > 1000


def test_a_damaged_backup_changes_nothing(admin: Run, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "saved.db"
    admin("backup", str(file))
    damage(file)
    before = state(store)
    result = admin("restore", str(file))
    assert result.exit_code == 1
    assert "does not match its checksum" in result.stdout
    assert result.stderr.endswith(f"Error: [{file}] is damaged, nothing was changed\n")
    assert state(store) == before
    result = admin("restore", str(tmp_path / "none.db"))
    assert (result.exit_code, state(store)) == (1, before)
    assert f"there is no store at {tmp_path / 'none.db'}" in result.stderr


def test_a_backup_of_an_older_format_is_upgraded(admin: Run, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "saved.db"
    admin("backup", str(file))
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("DROP TABLE chunk_total; DROP TABLE row_sum").fetchall()
        connection.pragma("user_version", 1)
    assert admin("restore", str(file)).exit_code == 0
    assert admin("check").exit_code == 0
    assert {path.name for path in store.parent.iterdir()} >= {"joule.db", "joule.db.lock"}
    assert not list(store.parent.glob("*.restored*"))


@pytest.mark.parametrize("words", [["restore", "saved.db"], ["erase", "--yes"]])
def test_a_store_in_use_is_left_alone(admin: Run, store: Path, words: list[str]) -> None:
    with held(store):
        result = admin(*words)
    assert result.exit_code == 1
    assert result.stderr == "Error: stop joule service before running this command\n"
    assert state(store)[1] == 1000


def test_a_backup_of_a_node_that_does_not_answer_is_refused(
    admin: Run, store: Path, tmp_path: Path
) -> None:
    with held(store):
        result = admin("backup", str(tmp_path / "saved.db"))
    assert result.exit_code == 1
    assert "Error: The node does not answer at [" in result.stderr
    assert not (tmp_path / "saved.db").exists()


def damage(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("UPDATE data_stream SET description = 'x'")


def test_a_check_says_what_it_looked_at_and_what_is_wrong(admin: Run, store: Path) -> None:
    result = admin("check")
    assert result.stdout == ("1000 rows of 1 data streams, 1 events of 1 event streams\nOK\n"), (
        result.output
    )
    damage(store)
    result = admin("check")
    assert result.exit_code == 1
    assert result.stdout.startswith("catalog: data_stream 1 does not match its checksum\n")
    assert result.stderr.endswith("Error: 1 problems found\n")


def test_a_finding_has_stream_and_time(admin: Run, store: Path) -> None:
    with closing(apsw.Connection(str(store))) as connection:
        connection.execute("UPDATE tail SET data = substr(data, 2)")
        connection.execute("INSERT INTO chunk VALUES (1, 5, 6, 7, 99, 8, 0, NULL, 0)")
    result = admin("check")
    assert "/größe" in result.stdout
    assert "/aggregate at 5 (Thu, 01 Jan 1970 00:00:00): has lost its rows" in result.stdout
    assert "tail record 1: tail record 1 does not match its checksum" in result.stdout


def test_a_backup_is_checked_by_its_name(admin: Run, tmp_path: Path) -> None:
    file = tmp_path / "saved.db"
    admin("backup", str(file))
    assert admin("check", str(file)).exit_code == 0
    damage(file)
    assert admin("check", str(file)).exit_code == 1
    assert admin("check").exit_code == 0


def test_erasing_forgets_how_far_streams_were_exported_and_moved(admin: Run, store: Path) -> None:
    marks = ("exporter daily", EXPORTERS_1_0, migration.PROPERTY, ROWS_IN_NILMDB)

    async def set_all(value: object) -> list[object]:
        async with EmbeddedEngine(store) as engine:
            before = [await engine.catalog.get_property(name) for name in (*marks, "uuid")]
            for name in (*marks, "uuid"):
                await engine.catalog.set_property(name, value)
            return before

    asyncio.run(set_all({"complete": False}))
    assert admin("erase", "--yes").exit_code == 0
    assert asyncio.run(set_all(None)) == [None, None, None, None, {"complete": False}]


def test_a_folder_without_a_node_is_an_error(run: Run, tmp_path: Path) -> None:
    for command in (["check"], ["erase"], ["backup", str(tmp_path / "file")]):
        result = run("admin", *command, "--data", str(tmp_path))
        assert result.exit_code == 1
        assert result.stderr == f"Error: There is no node at [{tmp_path}], start jouled\n"


def test_erasing_removes_all_but_masters_and_followers(admin: Run, store: Path) -> None:
    assert admin("erase", "--yes").output == ""
    catalog, rows, events = state(store)
    assert (rows, events) == (0, 0)
    assert catalog == CatalogSnapshot(masters=FULL.masters, followers=FULL.followers)
    assert admin("erase", "--links", "--yes").output == ""
    assert state(store) == (CatalogSnapshot(), 0, 0)
    assert admin("check").exit_code == 0


def test_erasing_asks_first(admin: Run, store: Path) -> None:
    result = admin("erase", answer="n\n")
    assert result.exit_code == 1
    assert result.stdout == "Are you sure you want to wipe the local node? [y/N]: n\n"
    assert result.stderr == "Aborted!\n"
    assert state(store)[1] == 1000
    assert admin("erase", answer="y\n").exit_code == 0
    assert state(store)[1] == 0


def test_erasing_gives_the_room_back(admin: Run, store: Path) -> None:
    async def grow() -> None:
        async with EmbeddedEngine(store) as engine:
            rows = make_rows(ROWS.layout, np.arange(1000, 2_000_000))
            rows["data"] = np.random.default_rng(1).normal(size=rows["data"].shape)
            engine.samples.append(ROWS, rows)

    asyncio.run(grow())
    assert store.stat().st_size > 12 << 20
    assert admin("erase", "--yes").exit_code == 0
    assert store.stat().st_size < 6 << 20
