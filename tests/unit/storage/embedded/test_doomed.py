"""What is stored for a stream goes, also when the node dies right after the stream is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.events import Event
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine, sealing
from joule.storage.interfaces import CatalogChanges, Kind, StreamRef
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

GONE = StreamRef(7, Layout("int16", 2))
KEPT = StreamRef(8, Layout("int16", 2))
TABLES = ("chunk", "chunk_data", "pyramid", "event", "event_total", "doomed")


async def fill(engine: EmbeddedEngine, stream: StreamRef) -> None:
    full = 65_536
    engine.samples.append(stream, make_rows(stream.layout, np.arange(3 * full + 100)))
    await engine.samples.commit()
    await engine.events.write(stream.id, [Event(i, i + 1, {"n": i}) for i in range(10)])


async def counts(engine: EmbeddedEngine) -> dict[str, int]:
    def work(connection: apsw.Connection) -> dict[str, int]:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").get for table in TABLES}

    return await engine._database.read(work)


@pytest.mark.parametrize("reopened", [False, True])
async def test_upkeep_removes_what_a_stream_left_that_was_deleted_right_before_a_crash(
    path: Path, reopened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "SWEPT_CHUNKS", 2)
    async with EmbeddedEngine(path) as engine:
        await fill(engine, KEPT)
        before = await counts(engine)
        await fill(engine, GONE)
        gone = [(Kind.DATA_STREAM, GONE.id), (Kind.EVENT_STREAM, GONE.id)]
        await engine.catalog.apply(CatalogChanges(delete=gone))
        if not reopened:
            await engine.maintain()
            assert await counts(engine) == before
    if reopened:
        async with EmbeddedEngine(path) as engine:
            assert (await engine.samples.info(GONE)).rows > 0
            await engine.maintain()
            assert await counts(engine) == before
            assert (await engine.samples.info(GONE)).rows == 0
            assert (await engine.samples.info(KEPT)).rows == 3 * 65_536 + 100
    async with EmbeddedEngine(path) as engine:
        assert (await engine.samples.info(GONE)).rows == 0
        assert (await engine.events.info(KEPT.id)).count == 10


async def test_a_dropped_stream_is_not_looked_for_again(engine: EmbeddedEngine) -> None:
    await fill(engine, GONE)
    gone = [(Kind.DATA_STREAM, GONE.id), (Kind.EVENT_STREAM, GONE.id)]
    await engine.catalog.apply(CatalogChanges(delete=gone))
    assert (await counts(engine))["doomed"] == 2
    await engine.samples.drop([GONE.id])
    await engine.events.drop([GONE.id])
    assert set((await counts(engine)).values()) == {0}
