"""``pg_dump`` and ``pg_restore`` with compressed copies of rows: what is read are the tables."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.rows import compressed_copies
from joule.testing.engine_contract.checks import assert_runs_equal, make_rows, read_runs
from joule.testing.postgres import fresh_database
from tests.crash.copies import check_copies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.models.layout import Rows

pytestmark = [pytest.mark.slow, pytest.mark.blocks_loop]

STREAM = StreamRef(1, Layout("int32", 2))
COPY_ROWS = 50
ROWS = make_rows(STREAM.layout, range(0, 10_000, 10))
CHANGE = "UPDATE data.stream1 SET elem0 = elem0 + 7, elem1 = 3"
CHANGED = ROWS.copy()
CHANGED["data"][:, 0] += 7
CHANGED["data"][:, 1] = 3


class Tools:
    """The programs of a server."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._file = str(folder / "dump")

    def dump(self, address: str, *options: str) -> None:
        self._run("pg_dump", "-f", self._file, *options, address)

    def restore(self, address: str, *options: str) -> None:
        self._run("pg_restore", "-d", address, *options, self._file)

    def psql(self, address: str) -> None:
        self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", self._file, address)

    def _run(self, program: str, *words: str) -> None:
        path = self._binaries / program
        if not path.exists():
            pytest.skip(f"{program} is not installed")
        done = subprocess.run([path, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def tools(postgres_binaries: Path, tmp_path: Path) -> Tools:
    return Tools(postgres_binaries, tmp_path)


@pytest.fixture
async def address(postgres_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with rows, all of which have small copies, which all reads take."""
    monkeypatch.setattr(compressed_copies, "COPY_BYTES", COPY_ROWS * STREAM.layout.row_bytes)
    monkeypatch.setattr(compressed_copies, "SHARE_WORTH", 0)
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        engine.samples.append(STREAM, ROWS.copy())
        await engine.samples.commit()
        await engine.samples.compress()
    assert check_copies(postgres_address) == len(ROWS)
    return postgres_address


@pytest.fixture
def second(postgres_address: str) -> Iterator[str]:
    """An empty database beside it."""
    with fresh_database(postgres_address) as address:
        yield address


async def check(address: str, expected: Rows) -> None:
    """The rows are read, again when they were compressed, and after a change of them."""
    async with PostgresEngine(Address.parse(address)) as engine:
        samples = engine.samples
        for _ in range(2):
            assert_runs_equal((await read_runs(samples, STREAM))[0], [expected])
            await samples.compress()
        assert check_copies(address) == len(expected)
        await samples.delete(STREAM, Interval(0, 5000))
        assert_runs_equal((await read_runs(samples, STREAM))[0], [expected[500:]])


@pytest.mark.parametrize("left_out", [[], ["--exclude-table-data=joule.compress*"]])
async def test_a_dump_is_brought_back_to_a_new_database(
    address: str, second: str, tools: Tools, left_out: list[str]
) -> None:
    tools.dump(address, "-Fc", *left_out)
    tools.restore(second, "--single-transaction")
    await check(second, ROWS)


async def test_a_dump_is_brought_back_without_triggers(
    address: str, second: str, tools: Tools
) -> None:
    tools.dump(address, "-Fc")
    tools.restore(second, "--schema-only")
    tools.restore(second, "--data-only", "--disable-triggers")
    await check(second, ROWS)


async def test_one_table_is_brought_back_while_the_copies_stay(address: str, tools: Tools) -> None:
    tools.dump(address, "-t", "data.stream1", "--clean")
    await change_and_compress(address)
    tools.psql(address)
    await check(address, ROWS)


async def test_rows_are_brought_back_while_their_trigger_stays(address: str, tools: Tools) -> None:
    tools.dump(address, "-Fc", "-t", "data.stream1")
    await change_and_compress(address)
    with psycopg.connect(address) as connection:
        connection.execute("DELETE FROM data.stream1")
    tools.restore(address, "--data-only")
    await check(address, ROWS)


async def change_and_compress(address: str) -> None:
    """Let others change all rows, and make copies of what they are now."""
    with psycopg.connect(address) as connection:
        connection.execute(CHANGE)
    async with PostgresEngine(Address.parse(address)) as engine:
        assert_runs_equal((await read_runs(engine.samples, STREAM))[0], [CHANGED])
        await engine.samples.compress()
    assert check_copies(address) == len(ROWS)
