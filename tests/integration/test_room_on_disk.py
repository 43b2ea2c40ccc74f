"""The room that a store takes: flat while old rows go as new ones come, and given back afterwards.

``HOURS`` sets how many hours of 8 kHz data go through; a day of them takes some minutes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.database import VACUUM_PAGES
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.layout import Rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

HOURS = int(os.environ.get("HOURS", "3"))
MINUTE_ROWS = 60 * 8000
STEP_US = 125
KEEP_US = 3_600_000_000
STREAM = StreamRef(1, Layout("int16", 6))


def minute() -> Rows:
    """A minute of noise: what compresses least takes the most room."""
    rows = np.empty(MINUTE_ROWS, STREAM.layout.dtype)
    rows["timestamp"] = np.arange(MINUTE_ROWS) * STEP_US
    rows["data"] = np.random.default_rng(1).normal(0, 1000, rows["data"].shape)
    return rows


async def test_a_store_stays_as_large_as_what_it_keeps_and_gives_room_back(tmp_path: Path) -> None:
    rows = minute()
    sizes: list[int] = []
    async with EmbeddedEngine(tmp_path / "joule.db") as engine:
        for number in range(60 * HOURS):
            part = rows.copy()
            part["timestamp"] += number * MINUTE_ROWS * STEP_US
            engine.samples.append(STREAM, part)
            await engine.samples.commit()
            await engine.samples.retain(STREAM, int(part["timestamp"][-1]) - KEEP_US)
            await engine.maintain()
            if number >= 60:
                sizes.append((await engine.usage()).size_bytes)
        assert max(sizes[60:]) <= 1.2 * min(sizes[60:])
        assert (await engine.samples.info(STREAM)).bytes >= 0.8 * sizes[-1]
        await engine.samples.delete(STREAM, ALL_TIME)
        for _ in range(2):  # the log of the deletion goes when the upkeep finds nothing new in it
            await engine.maintain()
        await gives_back_a_little_at_a_time(engine)


async def gives_back_a_little_at_a_time(engine: EmbeddedEngine) -> None:
    start = size = (await engine.usage()).size_bytes
    step = 0
    for _ in range(1000):
        await engine.maintain()
        before, size = size, (await engine.usage()).size_bytes
        step = max(step, before - size)
        if size == before:
            break
    assert size < start / 10
    assert step <= 4096 * VACUUM_PAGES * 1.1
