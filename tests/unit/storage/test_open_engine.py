from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from joule.errors import ConfigurationError
from joule.storage import open_engine
from joule.storage.embedded import EmbeddedEngine
from joule.storage.memory import MemoryEngine
from joule.storage.postgres import PostgresEngine

if TYPE_CHECKING:
    from pathlib import Path


async def path_of(database: str | None, folder: Path) -> str:
    engine = open_engine(database, folder)
    assert isinstance(engine, EmbeddedEngine)
    async with engine:
        return (await engine.usage()).path


async def test_without_a_setting_the_file_is_in_the_data_folder(tmp_path: Path) -> None:
    assert await path_of(None, tmp_path) == str(tmp_path / "joule.db")


async def test_a_relative_path_starts_at_the_data_folder(tmp_path: Path) -> None:
    assert await path_of("sqlite:///other.db", tmp_path) == str(tmp_path / "other.db")


async def test_an_absolute_path_has_a_fourth_slash(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.db"
    assert await path_of(f"sqlite:///{path}", tmp_path / "data") == str(path)


def test_the_memory_engine_can_be_chosen(tmp_path: Path) -> None:
    assert isinstance(open_engine("memory:", tmp_path), MemoryEngine)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "database", ["postgresql://user:pass@host:5432/db", "user:password@localhost:5432/joule"]
)
def test_postgresql_can_be_chosen_in_both_spellings(database: str, tmp_path: Path) -> None:
    assert isinstance(open_engine(database, tmp_path), PostgresEngine)


def test_without_its_driver_the_postgresql_engine_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.startswith("joule.storage.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigurationError, match=r"install joule\[postgres\]"):
        open_engine("postgresql://user@host/db", tmp_path)


@pytest.mark.parametrize(
    "database",
    [
        "joule:secret@localhost",
        "joule:secret@localhost:x/db",
        "mysql://joule:secret@localhost/db",
        "postgresql+x://joule:secret@localhost/db?password=secret",
    ],
)
def test_a_refusal_does_not_show_the_password(database: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_engine(database, tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("database", ["", "nonsense", "sqlite:///", "sqlite:joule.db"])
def test_what_is_no_database_is_refused(database: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Database"):
        open_engine(database, tmp_path)


def test_an_engine_that_is_not_chosen_is_not_imported() -> None:
    code = (
        "import sys, pathlib, joule.storage.interfaces, joule.storage as s;"
        "s.open_engine('memory:', pathlib.Path('.'));"
        "print(sorted({'apsw', 'zstandard', 'asyncpg'} & sys.modules.keys()))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"
