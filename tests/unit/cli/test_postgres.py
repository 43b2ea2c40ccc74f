"""Commands on this machine, for a node whose data is in a PostgreSQL database."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from joule.cli.doctor.server import durability
from joule.models.access import key_hash
from joule.storage.address import Address
from joule.storage.interfaces import CatalogChanges
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.inspection import Condition
from joule.testing.engine_contract.catalog import FOLDER, OWNER, ROOT, STREAM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from joule.storage.interfaces import CatalogSnapshot

    Run = Callable[..., Result]

CLEAR = "a key in clear text"


@pytest.fixture
def conf(tmp_path: Path, postgres_address: str) -> str:
    """The main file of a node on an empty database."""
    file = tmp_path / "main.conf"
    (tmp_path / "data").mkdir()
    (tmp_path / "sockets").mkdir()
    file.write_text(
        f"[Main]\nName = here\nDatabase = {postgres_address}\n"
        f"SocketDirectory = {tmp_path / 'sockets'}\nIPAddress = 127.0.0.1\nPort = 1\n"
    )
    return str(file)


def state(address: str, changes: CatalogChanges | None = None) -> CatalogSnapshot:
    """Make changes to the catalog, then give it."""

    async def look() -> CatalogSnapshot:
        async with PostgresEngine(Address.parse(address)) as engine:
            await engine.catalog.apply(changes or CatalogChanges())
            return await engine.catalog.load()

    return asyncio.run(look())


@pytest.fixture
def node(conf: str, postgres_address: str) -> str:
    """The address of a database with a stream and its owner, and a user of Joule 1.0."""
    state(postgres_address, CatalogChanges(put=[ROOT, FOLDER, STREAM, OWNER]))
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO metadata.master VALUES (9, 'ann', %s, 'USER', NULL)", [CLEAR]
        )
    return postgres_address


@pytest.mark.parametrize(
    "words", [("check",), ("backup", "FILE"), ("restore", "FILE")], ids=lambda words: words[0]
)
def test_what_postgresql_has_tools_for_is_left_to_them(
    run: Run, conf: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    arguments = [word.replace("FILE", str(tmp_path / "file")) for word in words]
    result = run("admin", *arguments, "-c", conf)
    assert result.exit_code == 1
    assert "the node keeps its data in postgresql://" in result.stderr
    assert "pg_dump" in result.stderr


def test_erasing_leaves_the_masters(run: Run, conf: str, node: str) -> None:
    result = run("admin", "erase", "--yes", "-c", conf)
    assert result.exit_code == 0
    left = state(node)
    assert (left.folders, left.data_streams) == ((), ())
    assert [master.name for master in left.masters] == ["owner", "ann"]


def test_a_running_node_is_not_erased(run: Run, conf: str, node: str) -> None:
    async def attempt() -> Result:
        async with PostgresEngine(Address.parse(node)):
            return await asyncio.to_thread(run, "admin", "erase", "--yes", "-c", conf)

    result = asyncio.run(attempt())
    assert result.exit_code == 1
    assert result.stderr == "Error: stop joule service before running this command\n"
    assert len(state(node).data_streams) == 1


def test_access_can_be_had_while_the_node_does_not_run(
    run: Run, conf: str, node: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JOULE_USER_CONFIG_DIR", str(tmp_path / "user"))
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "eve")
    result = run("admin", "authorize", "-c", conf)
    assert result.exit_code == 0, result.output
    assert [master.name for master in state(node).masters] == ["owner", "ann", "eve"]


@pytest.mark.parametrize("answer", ["y\n", "n\n", None])
def test_an_upgrade_replaces_clear_keys_when_it_is_agreed_to(
    run: Run, conf: str, node: str, answer: str | None
) -> None:
    sure = ("--yes",) if answer is None else ()
    result = run("admin", "upgrade", *sure, "-c", conf, answer=answer)
    assert result.exit_code == 0
    explained = "Joule 1.0 will know none of these any more: ann" in result.stdout
    assert explained is (answer is not None)
    with psycopg.connect(node) as connection:
        row = connection.execute("SELECT key FROM metadata.master WHERE id = 9").fetchone()
    agreed = answer != "n\n"
    assert row == (f"sha256:{key_hash(CLEAR).hex()}" if agreed else CLEAR,)
    assert ("1 keys replaced" in result.stdout) is agreed
    assert state(node).masters[1].key_hash == key_hash(CLEAR)
    if agreed:
        again = run("admin", "upgrade", "-c", conf)
        assert again.stdout == "No key is in clear text\n"


def test_there_is_nothing_to_upgrade_where_there_is_no_node(run: Run, conf: str) -> None:
    result = run("admin", "upgrade", "-c", conf)
    assert result.exit_code == 1
    assert "there is no node in [postgresql://" in result.stderr


def test_a_store_that_upgrades_itself_says_so(run: Run, tmp_path: Path) -> None:
    result = run("admin", "upgrade", "-d", str(tmp_path))
    assert result.exit_code == 1
    assert "jouled upgrades by itself" in result.stderr


def _doctor(run: Run, conf: str, check: str) -> tuple[str, str]:
    found = json.loads(run("doctor", "--json", "-c", conf).stdout)
    (finding,) = (each for each in found if each["check"] == check)
    return finding["state"], finding["text"]


def test_the_doctor_looks_at_the_database(run: Run, conf: str, node: str) -> None:
    state_, text = _doctor(run, conf, "database")
    assert state_ == "ok"
    assert "can be read: PostgreSQL" in text
    with psycopg.connect(node, autocommit=True) as connection:
        connection.execute("UPDATE metadata.node SET version = '4.0'")
    state_, text = _doctor(run, conf, "database")
    assert (state_, "is newer than" in text) == ("wrong", True)


@pytest.mark.parametrize("is_durable", [True, False])
def test_a_server_that_forgets_in_a_power_cut_is_noted(is_durable: bool) -> None:
    condition = Condition("16.1", False, True, False, is_durable, ())
    found = [(finding.state, finding.check) for finding in durability(condition)]
    assert found == ([] if is_durable else [("note", "durability")])


def test_the_doctor_sees_an_empty_database_and_one_that_is_not_there(run: Run, conf: str) -> None:
    assert _doctor(run, conf, "database")[0] == "note"
    with open(conf) as file:
        text = file.read()
    with open(conf, "w") as file:
        file.write(text.replace("/joule_test_", "/no_such_"))
    state_, said = _doctor(run, conf, "database")
    assert (state_, "does not exist" in said) == ("wrong", True)


def test_the_doctor_sees_another_node(run: Run, conf: str, node: str) -> None:
    async def attempt() -> tuple[str, str]:
        async with PostgresEngine(Address.parse(node)):
            return await asyncio.to_thread(_doctor, run, conf, "database")

    state_, text = asyncio.run(attempt())
    assert (state_, "in use by a node that is not this one" in text) == ("wrong", True)


def test_a_new_node_can_be_given_a_database(
    run: Run, tmp_path: Path, postgres_address: str
) -> None:
    result = run(
        *("admin", "initialize", "--no-service", "--dsn", postgres_address),
        *("--folder", str(tmp_path / "etc"), "--data", str(tmp_path / "data")),
    )
    assert result.exit_code == 0
    assert "cannot start" not in result.output
