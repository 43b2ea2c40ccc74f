"""Rows, times and bytes that are reported, against what lies in the file."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import numpy as np
import pytest

from joule.models.intervals import ALL_TIME
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import SampleInfo
from joule.testing.engine_contract.checks import read_runs

from .stores import STREAMS, fill, random_changes

if TYPE_CHECKING:
    from pathlib import Path

    from joule.storage.interfaces import StreamRef

_STORED = """
SELECT (SELECT ifnull(sum(length(d.data)), 0) FROM chunk c JOIN chunk_data d ON d.id = c.data
        WHERE c.stream = ?1)
    + (SELECT ifnull(sum(length(data)), 0) FROM pyramid WHERE stream = ?1)
"""


async def figures(engine: EmbeddedEngine, stream: StreamRef) -> SampleInfo:
    """What a look at every row and every blob gives."""
    runs, _ = await read_runs(engine.samples, stream, ALL_TIME)
    times = np.concatenate([rows["timestamp"] for rows in runs]) if runs else np.empty(0, int)
    with closing(apsw.Connection(str(engine._database.path))) as connection:
        stored = connection.execute(_STORED, (stream.id,)).get
    waiting = engine.samples._tails.view(stream.id).rows * stream.layout.row_bytes
    first, last = (int(times[0]), int(times[-1])) if len(times) else (None, None)
    return SampleInfo(len(times), first, last, stored + waiting)


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_told_of_a_stream_is_exact(path: Path, seed: int) -> None:
    async with EmbeddedEngine(path) as engine:
        for _ in range(6):
            await random_changes(engine, np.random.default_rng(seed), 10)
            for stream in STREAMS:
                assert await engine.samples.info(stream) == await figures(engine, stream)


async def test_the_room_that_is_told_is_that_of_the_file_and_its_log(path: Path) -> None:
    await fill(path)
    async with EmbeddedEngine(path) as engine:
        await random_changes(engine, np.random.default_rng(1), 10)
        usage = await engine.usage()
        files = [file for file in path.parent.iterdir() if file.suffix in (".db", ".db-wal")]
        assert len(files) == 2
        assert usage.size_bytes == sum(file.stat().st_size for file in files)
