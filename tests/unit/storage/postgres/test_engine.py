from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.rows.compressed_copies import rows_per_copy
from joule.testing.engine_contract.checks import assert_runs_equal, make_rows, read_runs

if TYPE_CHECKING:
    from asyncpg import Connection

FUNCTIONS = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'stream\\_%'"


async def test_an_engine_that_cannot_be_opened_leaves_no_connection(
    postgres_address: str, connection: Connection
) -> None:
    await connection.execute("CREATE SCHEMA metadata")
    await connection.execute("CREATE VIEW metadata.node AS SELECT '99.0' AS version")
    with pytest.raises(Exception, match=r"99\.0"):
        async with PostgresEngine(Address.parse(postgres_address)):
            pass
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert await connection.fetchval(f"{others} AND state = 'active'") == 1


async def test_functions_that_belong_to_somebody_else_are_left(
    postgres_address: str, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await connection.execute(
        "CREATE FUNCTION public.stream_info_fast(stream_id int) RETURNS text LANGUAGE sql "
        "AS 'SELECT NULL::text'"
    )
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        assert (await engine.catalog.load()).folders == ()
    assert "the functions stream_info and others cannot be made" in caplog.text
    assert await connection.fetchval(FUNCTIONS) == 1


@pytest.mark.parametrize("after_us", [None, 1_000_000])
async def test_without_timescale_nothing_is_compressed(
    postgres_address: str, caplog: pytest.LogCaptureFixture, after_us: int | None
) -> None:
    address = Address.parse(postgres_address)
    async with PostgresEngine(address, compress_after_us=after_us) as engine:
        if engine._server.has_timescale:
            pytest.skip("this server has it")
        await engine.maintain()
    assert caplog.text == ""


async def test_a_refusal_to_compress_is_logged_once(
    postgres_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    address = Address.parse(postgres_address)
    async with PostgresEngine(address, compress_after_us=1) as engine:
        if engine._server.has_timescale:
            pytest.skip("this server has it")
        engine._server.has_timescale = True
        for _ in range(3):
            await engine.maintain()
    assert caplog.text.count("rows are not compressed: ") == 1


async def test_compressed_copies_are_made_unless_told_otherwise(
    postgres_address: str, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    address = Address.parse(postgres_address)
    stream = StreamRef(1, Layout("float64", 1))
    rows = make_rows(stream.layout, range(2 * rows_per_copy(stream.layout.row_bytes)))

    async def copies(*, wanted: bool) -> int:
        async with PostgresEngine(address, compressed_copies=wanted) as engine:
            for _ in range(2):
                found, _ = await read_runs(engine.samples, stream)
                assert_runs_equal(found, [rows])
                await engine.samples.compress()
            number: int = await connection.fetchval("SELECT count(*) FROM joule.compressed")
            return number

    async with PostgresEngine(address, compressed_copies=False) as engine:
        engine.samples.append(stream, rows.copy())
    assert await copies(wanted=False) == 0
    assert await copies(wanted=True) == 2
    async with connection.transaction():
        await connection.execute("LOCK TABLE joule.compressing IN ROW SHARE MODE")
        assert await copies(wanted=False) == 2
    assert "the compressed copies of rows are removed at another start" in caplog.text
    assert await copies(wanted=False) == 0
