"""A node whose ``Database`` is a PostgreSQL: all a user does, and what it says when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from joule.api import Annotation, Event
from joule.errors import JouleError
from joule.testing.postgres import free_port, running_server
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import wait_until
from tests.integration.test_start_errors import failed_start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.api import TcpNode
    from joule.testing.postgres import PostgresServer
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

RANDOM = "/live/random"
MEAN = "/live/mean"
MODULES = {
    "random": f"[Main]\nname = random\nexec_cmd = joule-random-reader\n"
    f"[Arguments]\nwidth = 2\nrate = 50\n[Outputs]\noutput = {RANDOM}:float32[x,y]\n",
    "mean": f"[Main]\nname = mean\nexec_cmd = joule-mean-filter\n[Arguments]\nwindow = 5\n"
    f"[Inputs]\ninput = {RANDOM}\n[Outputs]\noutput = {MEAN}:float32[x,y]\n",
}


@pytest.fixture(params=["url", "1.0"])
def setting(request: pytest.FixtureRequest, postgres_address: str) -> str:
    """The setting, in our spelling and in that of Joule 1.0."""
    if request.param == "url":
        return postgres_address
    return postgres_address.removeprefix("postgresql://").replace("@", ":unused@", 1)


@pytest.fixture
def node(setting: str, tmp_path: Path) -> Iterator[Daemon]:
    """A node with two modules, not started yet."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.conf").write_text(text)
    more = f"Database = {setting}\nModuleDirectory = {folder}\n"
    with ConfiguredDaemon(tmp_path, "node", more) as daemon:
        yield daemon


async def count(node: TcpNode, path: str) -> int:
    try:
        return (await node.data_stream_info(path)).rows
    except JouleError:  # it is not there yet
        return 0


def test_modules_commands_and_restarts_are_as_on_any_store(node: Daemon) -> None:
    node.start()
    wait_until(lambda: node.ask(lambda ours: count(ours, MEAN)) > 50, 30, lambda: node.text)

    async def fill(ours: TcpNode) -> None:
        stream = await ours.event_stream_get("/live/events", create=True)
        await ours.event_stream_write(stream, [Event(5, 6, {"a": 1}), Event(7, 8, {"a": 2})])
        await ours.annotation_create(Annotation(title="here", start=9), RANDOM)

    node.ask(fill)
    for words in (
        ("node", "info"),
        ("folder", "list"),
        ("module", "list"),
        ("stream", "info", RANDOM),
        ("data", "read", "-r", "10", RANDOM),
        ("event", "read", "/live/events"),
        ("stream", "annotations", RANDOM),
    ):
        done = node.joule(*words)
        assert done.returncode == 0, (words, done.stderr)
        assert done.stdout, words
    assert "postgresql://" in node.joule("node", "info").stdout

    assert node.stop() == 0
    node.start()

    async def look(ours: TcpNode) -> None:
        intervals = await ours.data_intervals(RANDOM)
        rows = await ours.data_read_array(RANDOM, max_rows=None)
        assert len(rows) > 50
        assert len(intervals) in (1, 2)  # the second when the module writes already
        events = await ours.event_stream_read_list("/live/events")
        assert [event.content for event in events] == [{"a": 1}, {"a": 2}]
        assert [note.title for note in await ours.annotation_get(RANDOM)] == ["here"]

    node.ask(look)
    assert node.stop() == 0


def test_a_second_node_on_the_same_database_is_refused(
    postgres_address: str, tmp_path: Path
) -> None:
    more = f"Database = {postgres_address}\n"
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with (
        ConfiguredDaemon(folders[0], "first", more) as first,
        ConfiguredDaemon(folders[1], "second", more) as second,
    ):
        first.start()
        assert "in use by another node" in failed_start(second)
        first.kill()
        second.start()


# ------------------------------------------------------------------ what cannot be opened


@pytest.fixture(scope="module")
def guarded(postgres_binaries: Path) -> Iterator[PostgresServer]:
    """A server that asks the user ``careful`` for a password."""
    with running_server(postgres_binaries) as server:
        rules = server.data / "pg_hba.conf"
        checked = "host all careful 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(checked + rules.read_text())
        with psycopg.connect(server.address(), autocommit=True) as connection:
            connection.execute("CREATE ROLE careful LOGIN PASSWORD 'right'")
            connection.execute("SELECT pg_reload_conf()")
        yield server


def refusal(folder: Path, database: str) -> str:
    """What jouled says when it cannot start with this setting."""
    with ConfiguredDaemon(folder, "node", f"Database = {database}\n") as daemon:
        return failed_start(daemon)


def test_a_wrong_password_is_told_and_not_repeated(guarded: PostgresServer, tmp_path: Path) -> None:
    place = f"127.0.0.1:{guarded.port}/postgres"
    said = refusal(tmp_path, f"postgresql://careful:wr0ng@{place}")
    assert said.startswith("Cannot start: cannot connect to")
    assert place in said
    assert "password authentication failed" in said
    assert "wr0ng" not in said


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    # systemd starts the node again until it is there, see `joule admin initialize`.
    place = f"127.0.0.1:{free_port()}/postgres"
    said = refusal(tmp_path, f"joule:none@{place}")
    assert said.startswith("Cannot start: cannot connect to")
    assert place in said


def test_a_database_that_is_not_there_is_named(guarded: PostgresServer, tmp_path: Path) -> None:
    said = refusal(tmp_path, guarded.address("nothing"))
    assert "nothing" in said
    assert "does not exist" in said


def test_a_setting_that_is_no_address_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, "mysql://somewhere/else")
    assert said.startswith("Invalid configuration: ")
    assert "Database" in said


def test_a_user_without_rights_is_told_which(guarded: PostgresServer, tmp_path: Path) -> None:
    place = f"127.0.0.1:{guarded.port}/postgres"
    said = refusal(tmp_path, f"postgresql://careful:right@{place}")
    assert "permission denied" in said


def test_a_database_of_a_newer_joule_is_refused(postgres_address: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_address) as connection:
        connection.execute("CREATE SCHEMA metadata")
        connection.execute(
            "CREATE TABLE metadata.node "
            "(uuid uuid PRIMARY KEY, private_key varchar, public_key varchar, version varchar)"
        )
        connection.execute("INSERT INTO metadata.node VALUES (gen_random_uuid(), '', '', '99.0.0')")
    said = refusal(tmp_path, postgres_address)
    assert "Database version 99.0.0 is newer than Joule version" in said
    assert "This is not supported" in said
