"""The role for programs, on a server that asks for passwords."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from joule.errors import InvalidRequestError, StorageError
from joule.storage.address import Address
from joule.storage.interfaces import CatalogChanges
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.tables.roles import grant_table
from joule.testing.engine_contract.catalog import FOLDER, FULL, ROOT, STREAM, everything
from joule.testing.postgres import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asyncpg import Connection

    from joule.testing.postgres import PostgresServer

RULES = "host all postgres all trust\nhost all limited all trust\nhost all all all scram-sha-256\n"


@pytest.fixture(scope="module")
def strict(
    postgres_binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresServer]:
    """A server that lets nobody but the node in without a password."""
    with running_server(postgres_binaries) as server:
        (server.data / "pg_hba.conf").write_text(RULES)
        with psycopg.connect(server.address(), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE ROLE limited LOGIN")
        yield server


@pytest.fixture
def address(strict: PostgresServer) -> Iterator[Address]:
    with strict.fresh_database() as dsn:
        yield Address.parse(dsn)


@contextmanager
def program(engine: PostgresEngine) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A program that connects with what the node tells it."""
    with psycopg.connect(engine.database.connection_info().to_dsn(), autocommit=True) as connection:
        yield connection


def may(connection: psycopg.Connection[tuple[object, ...]], sql: str) -> bool:
    try:
        connection.execute(sql.encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


async def test_a_program_gets_in_and_reads_at_the_first_start(address: Address) -> None:
    async with PostgresEngine(address) as engine:
        await engine.catalog.apply(CatalogChanges(put=everything(FULL)))
        with program(engine) as connection:
            for table in ("folder", "stream", "element", "annotation", "eventstream"):
                assert may(connection, f"SELECT * FROM metadata.{table}")
            assert may(connection, "SELECT name FROM metadata.master")
            assert may(connection, "SELECT * FROM public.stream_info(1)")
            for table in ("node", "master", "follower"):
                assert not may(connection, f"SELECT * FROM metadata.{table}")
            assert not may(connection, "SELECT * FROM joule.property")
            assert not may(connection, "DELETE FROM metadata.folder")


async def test_the_password_stays_from_start_to_start(address: Address) -> None:
    passwords = set()
    for _ in range(3):
        async with PostgresEngine(address) as engine:
            passwords.add(engine.database.connection_info().password)
    assert len(passwords) == 1


async def test_a_password_that_joule_1_0_has_changed_is_set_again(address: Address) -> None:
    async with PostgresEngine(address) as engine:
        before = engine.database.connection_info()
    with psycopg.connect(address.dsn, autocommit=True) as connection:
        connection.execute("ALTER ROLE joule_module PASSWORD 'changed'")
    async with PostgresEngine(address) as engine:
        assert engine.database.connection_info() == before
        with program(engine) as connection:
            assert may(connection, "SELECT 1")


async def test_tables_made_later_can_be_read(address: Address) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("CREATE TABLE data.stream5 (time timestamp)")
        await connection.execute("CREATE TABLE data.stream5_4 (time timestamp)")
        await grant_table(connection, "data.stream5")

    async with PostgresEngine(address) as engine:
        await engine._server.write(work)
        with program(engine) as connection:
            assert may(connection, "SELECT * FROM data.stream5")
            assert not may(connection, "SELECT * FROM data.stream5_4")


async def test_tables_that_were_there_can_be_read(address: Address) -> None:
    async with PostgresEngine(address):
        pass
    with psycopg.connect(address.dsn, autocommit=True) as connection:
        for name in ("stream7", "event8", "stream7_intervals", "other9"):
            connection.execute(f"CREATE TABLE data.{name} (time timestamp)".encode())
    async with PostgresEngine(address) as engine:
        with program(engine) as connection:
            found = {n: may(connection, f"TABLE data.{n}") for n in ("stream7", "event8", "other9")}
            assert found == {"stream7": True, "event8": True, "other9": False}
            assert not may(connection, "TABLE data.stream7_intervals")


async def test_the_schema_of_a_module_is_its_own(address: Address) -> None:
    async with PostgresEngine(address) as engine:
        for _ in range(2):
            await engine.database.make_schema('my "own" schema')
        with program(engine) as connection:
            assert may(connection, 'CREATE TABLE "my ""own"" schema".t (a int)')
            assert may(connection, 'DROP TABLE "my ""own"" schema".t')
            assert not may(connection, "CREATE TABLE metadata.t (a int)")
        with pytest.raises(StorageError, match="pg_mine"):
            await engine.database.make_schema("pg_mine")


async def test_without_the_right_to_make_roles_all_else_works(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(address.dsn, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{address.database}" OWNER TO limited'.encode())
        connection.execute("DROP ROLE IF EXISTS joule_module")
        connection.execute("ALTER SCHEMA public OWNER TO limited")
    caplog.set_level(logging.WARNING)
    async with PostgresEngine(replace(address, user="limited")) as engine:
        await engine.catalog.apply(CatalogChanges(put=[ROOT, FOLDER, STREAM]))
        assert len((await engine.catalog.load()).data_streams) == 1
        with pytest.raises(InvalidRequestError, match=r"cannot set up .* permission denied"):
            engine.database.connection_info()
        with pytest.raises(StorageError, match="permission denied"):
            await engine.database.make_schema("mine")
        await engine._server.write(lambda c: grant_table(c, "metadata.folder"))
    assert len(caplog.records) == 1
