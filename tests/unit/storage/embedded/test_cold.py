"""Old chunks are stored anew with pcodec, when that is wanted, and read like all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import ConfigurationError, StorageDamagedError, StorageFormatError
from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.storage import columns, open_engine
from joule.storage.codec import COLUMNS, SHUFFLED, decode, encode, encode_cold
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.cold import YOUNG_CHUNKS
from joule.storage.interfaces import (
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    FolderRecord,
    StreamRef,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.models.layout import Rows

CHUNK_ROWS = 16384
CHUNKS = 20
STREAM = StreamRef(7, Layout("int16", 6))
DATATYPES = [
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int16",
    "uint64",
    "uint32",
    "uint16",
]


def make_rows(layout: Layout, count: int) -> Rows:
    rows = np.zeros(count, layout.dtype)
    random = np.random.default_rng(1)
    rows["timestamp"] = np.cumsum(random.integers(100, 150, count))
    rows["data"] = np.abs(random.normal(0, 50, rows["data"].shape))
    return rows


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EmbeddedEngine]:
    async with EmbeddedEngine(tmp_path / "joule.db", recodes_cold=True) as engine:
        element = (0.0, 1.0, None, None)
        elements = tuple(
            ElementRecord(n + 1, n, f"e{n}", None, None, "CONTINUOUS", *element) for n in range(6)
        )
        stream = DataStreamRecord(7, "s", None, "int16", -1, True, False, 1, 0, elements)
        folder = FolderRecord(1, "root", None, None, 0)
        await engine.catalog.apply(CatalogChanges(put=[folder, stream]))
        engine.samples.append(STREAM, make_rows(STREAM.layout, CHUNK_ROWS * CHUNKS))
        await engine.samples.commit()
        yield engine


async def encodings(engine: EmbeddedEngine) -> list[int]:
    sql = "SELECT d.data FROM chunk JOIN chunk_data d ON d.id = chunk.data ORDER BY first"
    return await engine._database.read(lambda c: [row[0][0] for row in c.execute(sql)])


async def read(engine: EmbeddedEngine) -> bytes:
    blocks = [block.rows.tobytes() async for block in engine.samples.read(STREAM, ALL_TIME)]
    return b"".join(blocks)


@pytest.mark.parametrize("datatype", DATATYPES)
def test_rows_of_every_type_come_back_to_the_bit(datatype: str) -> None:
    rows = make_rows(Layout(datatype, 3), 1000)
    data = encode_cold(rows)
    assert data is not None
    assert decode(data, rows.dtype).tobytes() == rows.tobytes()


def test_values_of_one_byte_stay_as_they_are() -> None:
    assert encode_cold(make_rows(Layout("uint8", 3), 1000)) is None


async def test_old_chunks_become_smaller_and_keep_their_rows(engine: EmbeddedEngine) -> None:
    rows, before = await read(engine), await engine.samples.info(STREAM)
    await engine.maintain()
    old = CHUNKS - YOUNG_CHUNKS
    assert await encodings(engine) == [COLUMNS] * old + [SHUFFLED] * YOUNG_CHUNKS
    assert await read(engine) == rows
    after = await engine.samples.info(STREAM)
    assert after.bytes < before.bytes
    assert (after.rows, after.start, after.end) == (before.rows, before.start, before.end)


async def test_the_bytes_of_a_stream_stay_exact(engine: EmbeddedEngine) -> None:
    await engine.maintain()
    parts = (f"(SELECT sum(length(data)) FROM {table})" for table in ("chunk_data", "pyramid"))
    sql = f"SELECT {' + '.join(parts)}"
    size = await engine._database.read(lambda c: c.execute(sql).get)
    assert (await engine.samples.info(STREAM)).bytes == size


async def test_nothing_is_left_of_a_stream_that_is_dropped(engine: EmbeddedEngine) -> None:
    await engine.maintain()
    await engine.samples.drop([STREAM.id])
    sql = "SELECT (SELECT count(*) FROM cold) + (SELECT count(*) FROM chunk_total)"
    assert await engine._database.read(lambda c: c.execute(sql).get) == 0


async def test_late_rows_go_into_old_chunks(engine: EmbeddedEngine) -> None:
    await engine.maintain()
    late = make_rows(STREAM.layout, 1)
    late["timestamp"] = int(make_rows(STREAM.layout, 1)["timestamp"][0]) + 1
    before = (await engine.samples.info(STREAM)).rows
    await engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
    assert (await engine.samples.info(STREAM)).rows == before + 1
    assert len(await read(engine)) == (before + 1) * STREAM.layout.row_bytes


async def test_without_the_package_reading_names_the_extra(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.maintain()
    monkeypatch.setattr(columns, "standalone", None)
    with pytest.raises(StorageFormatError, match=r"joule\[pcodec\]"):
        await read(engine)


def test_without_the_package_the_setting_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "standalone", None)
    with pytest.raises(ConfigurationError, match=r"joule\[pcodec\]"):
        open_engine(None, tmp_path, cold_encoding="pcodec")


async def test_nothing_is_stored_anew_unless_it_is_wanted(tmp_path: Path) -> None:
    async with EmbeddedEngine(tmp_path / "joule.db") as engine:
        engine.samples.append(STREAM, make_rows(STREAM.layout, CHUNK_ROWS * CHUNKS))
        await engine.samples.commit()
        await engine.maintain()
        assert set(await encodings(engine)) == {SHUFFLED}


@pytest.mark.parametrize("cut", [1, 5, 100])
def test_columns_that_are_cut_short_are_damaged(cut: int) -> None:
    rows = make_rows(STREAM.layout, 1000)
    body = columns.encode_columns(rows)
    assert body is not None
    with pytest.raises(StorageDamagedError):
        columns.decode_columns(memoryview(body)[:-cut], rows.dtype, len(rows))
    with pytest.raises(StorageDamagedError):
        columns.decode_columns(memoryview(body), rows.dtype, len(rows) - 1)


def test_the_usual_encoding_is_still_read() -> None:
    rows = make_rows(STREAM.layout, 1000)
    assert decode(encode(rows), rows.dtype).tobytes() == rows.tobytes()
