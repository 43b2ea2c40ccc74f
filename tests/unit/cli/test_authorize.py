"""``joule admin authorize``, with a store in memory instead of the node's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import joule
from joule.cli import authorize, host
from joule.models.access import key_hash, new_key
from joule.storage.memory import MemoryEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from joule.storage.interfaces import MasterRecord

    Run = Callable[..., Result]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MemoryEngine:
    """The store of the node whose data folder is ``tmp_path``."""
    made = MemoryEngine()
    opened: list[tuple[str | None, Path]] = []

    def open_engine(database: str | None, folder: Path) -> MemoryEngine:
        opened.append((database, folder))
        assert folder == tmp_path
        return made

    monkeypatch.setattr(authorize, "open_engine", open_engine)
    monkeypatch.setattr(host, "SYSTEM_FILE", tmp_path / "no main.conf")
    monkeypatch.setenv("LOGNAME", "alice")
    return made


def masters(engine: MemoryEngine) -> list[MasterRecord]:
    return list(asyncio.run(engine.catalog.load()).masters)


def test_a_new_user_gets_a_key_that_the_node_knows(
    engine: MemoryEngine, run: Run, tmp_path: Path
) -> None:
    result = run("admin", "authorize", "--data", str(tmp_path))
    assert result.output == "Access to node [joule_node] granted to user [alice]\n"
    node = joule.api.get_node("joule_node").to_config()
    assert node.url == "http://127.0.0.1:8088"
    [master] = masters(engine)
    assert (master.name, master.type, master.scope) == ("alice", "USER", "admin")
    assert master.key_hash == key_hash(node.key)


def test_asking_again_keeps_the_key_and_makes_no_second_user(
    engine: MemoryEngine, run: Run, tmp_path: Path
) -> None:
    for _ in range(2):
        assert run("admin", "authorize", "--data", str(tmp_path)).exit_code == 0
    [master] = masters(engine)
    assert master.key_hash == key_hash(joule.api.get_node().to_config().key)


def test_a_lost_key_is_replaced(engine: MemoryEngine, run: Run, tmp_path: Path) -> None:
    run("admin", "authorize", "--data", str(tmp_path))
    lost = joule.api.get_node().to_config().key
    run("node", "delete", "joule_node")
    run("admin", "authorize", "--data", str(tmp_path))
    found = joule.api.get_node().to_config().key
    assert found != lost
    assert [master.key_hash for master in masters(engine)] == [key_hash(found)]


def test_the_key_of_somebody_else_is_not_taken_over(
    engine: MemoryEngine, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("admin", "authorize", "--data", str(tmp_path))
    monkeypatch.setenv("SUDO_USER", "bob")
    monkeypatch.setenv("SUDO_UID", "0")
    monkeypatch.setenv("SUDO_GID", "0")
    result = run("admin", "authorize", "--data", str(tmp_path))
    assert result.output == "Access to node [joule_node] granted to user [bob]\n"
    alice, bob = masters(engine)
    assert (alice.name, bob.name) == ("alice", "bob")
    assert alice.key_hash != bob.key_hash == key_hash(joule.api.get_node().to_config().key)


def test_the_url_can_be_given(engine: MemoryEngine, run: Run, tmp_path: Path) -> None:
    run("admin", "authorize", "--data", str(tmp_path), "--url", "https://far.example/joule/")
    assert joule.api.get_node().url == "https://far.example/joule"


def test_a_folder_without_a_node_is_an_error(
    engine: MemoryEngine, run: Run, tmp_path: Path
) -> None:
    result = run("admin", "authorize", "--data", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert f"Error: There is no node at [{tmp_path / 'none'}]" in result.stderr


def test_a_bad_configuration_is_an_error(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "none.conf"
    result = run("admin", "authorize", "--config", str(missing))
    assert result.stderr == f"Error: Cannot load joule configuration file at [{missing}]\n"
    bad = tmp_path / "bad.conf"
    bad.write_text("[Main]\nIPAddress = nowhere\n")
    result = run("admin", "authorize", "--config", str(bad))
    assert result.stderr.startswith("Error: Invalid configuration: ")
    assert "IPAddress is invalid" in result.stderr


def test_keys_are_long_and_never_the_same() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) == 43
