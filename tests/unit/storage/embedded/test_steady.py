"""Many slow streams over a long time: what is written for them stays in proportion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine, chunks, tails
from joule.storage.interfaces import StreamRef
from joule.testing.faults import FaultyFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.models.layout import Rows

LAYOUT = Layout("float32", 4)
STREAMS = [StreamRef(number, LAYOUT) for number in range(1, 101)]
SECONDS, ROWS = 600, 5
WRITTEN_MAX = 6
"""Bytes written to the device for each byte of rows; flash wears out by them."""


@pytest.fixture(autouse=True)
def short_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let minutes do for hours: tails are sealed, and chunks merged and full, a lot sooner."""
    monkeypatch.setattr(tails, "LOG_BYTES_MAX", 3 << 20)
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 64 << 10)
    chunks.chunk_rows.cache_clear()


def seconds() -> Iterator[list[Rows]]:
    """Noise on slow values."""
    random = np.random.default_rng(1)
    levels = random.normal(100, 10, (len(STREAMS), 1, LAYOUT.width))
    for number in range(SECONDS):
        rows = np.empty((len(STREAMS), ROWS), LAYOUT.dtype)
        rows["timestamp"] = number * 1_000_000 + np.arange(ROWS) * 200_000
        rows["data"] = levels + random.normal(0, 0.1, rows["data"].shape)
        yield [part.copy() for part in rows]


async def test_a_row_is_written_to_the_device_a_few_times_only(path: Path) -> None:
    files = FaultyFiles()
    written = 0
    async with EmbeddedEngine(path, vfs=files.name) as engine:
        for number, parts in enumerate(seconds()):
            for stream, rows in zip(STREAMS, parts, strict=True):
                engine.samples.append(stream, rows)
            await engine.samples.commit()
            if number % 10 == 0:
                await engine.maintain()
            written += sum(len(call.data) for call in files.calls)
            files.calls.clear()
    raw = SECONDS * ROWS * len(STREAMS) * LAYOUT.row_bytes
    assert written < WRITTEN_MAX * raw
