"""The server goes away while copies are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import StorageError
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.connection import outcome
from joule.storage.postgres.rows import compressing
from joule.testing.engine_contract.checks import make_rows
from joule.testing.postgres import running_server
from tests.unit.storage.postgres.compressed_kit import check_copies

if TYPE_CHECKING:
    from pathlib import Path

STREAM = StreamRef(1, Layout("int16", 1))
OTHER = StreamRef(2, Layout("int16", 1))

pytestmark = pytest.mark.usefixtures("small_copies")


async def fill(engine: PostgresEngine) -> None:
    """Store a hundred rows of each stream."""
    for stream in (STREAM, OTHER):
        engine.samples.append(stream, make_rows(stream.layout, range(100)))
    await engine.samples.commit()


async def made(engine: PostgresEngine, stream: StreamRef) -> int:
    return await engine._server.read(lambda connection: check_copies(connection, stream))


async def test_an_outage_refuses_no_stream(
    postgres_binaries: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_server(postgres_binaries, durable=True) as server:
        async with PostgresEngine(Address.parse(server.address())) as engine:
            await fill(engine)
            server.stop_at_once()
            for _ in range(3):
                with pytest.raises(StorageError):
                    await engine.samples.compress()
            assert not caplog.records
            server.start()
            await engine.samples.compress()
            assert await made(engine, STREAM) == await made(engine, OTHER) == 10


@pytest.mark.parametrize("step", ["_prepare", "_rows"])
async def test_an_outage_in_the_middle_refuses_no_stream(
    postgres_binaries: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    monkeypatch.setattr(outcome, "PATIENCE_S", 0.2)
    do = getattr(compressing, step)

    async def then_stop(*args: Any) -> Any:
        found = await do(*args)
        server.stop_at_once()
        return found

    with running_server(postgres_binaries, durable=True) as server:
        async with PostgresEngine(Address.parse(server.address())) as engine:
            await fill(engine)
            with monkeypatch.context() as patch:
                patch.setattr(compressing, step, then_stop)
                with pytest.raises(StorageError):
                    await engine.samples.compress()
            server.start()
            await engine.samples.compress()
            assert await made(engine, STREAM) == await made(engine, OTHER) == 10
            assert not caplog.records
