"""Plots of data streams as a Lumen server asks for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from joule.models.layout import Layout
from joule.models.streams import DataStream, Element
from joule.storage import DATABASE_FILE
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import (
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    FolderRecord,
    StreamRef,
)
from tests.integration.lumen_requests import ROWS, STEP, T0, WIDE, Lumen

if TYPE_CHECKING:
    from joule.api import Node
    from tests.integration.daemon import Daemon


def test_a_plot_of_all_has_two_segments_of_decimated_rows(lumen: Lumen) -> None:
    answer = lumen.data(WIDE, max_rows=3600)
    assert answer["decimation_factor"] > 1
    assert len(answer["data"]) == 2
    rows = [row for segment in answer["data"] for row in segment]
    assert len(rows) <= 3600 * 1.05
    values = np.array(rows)
    assert values.shape[1] == 1 + 3 * 3
    mean, least, most = values[:, 1:4], values[:, 4:7], values[:, 7:10]
    assert ((least <= mean) & (mean <= most)).all()
    assert least.min() < -0.99  # as stored: neither scaled nor moved
    assert (np.diff(values[:, 0]) > 0).all()


def test_a_short_range_has_raw_rows(lumen: Lumen) -> None:
    answer = lumen.data(WIDE, max_rows=3600, start=T0, end=T0 + 100 * STEP)
    assert answer["decimation_factor"] == 1
    [segment] = answer["data"]
    assert [row[0] for row in segment] == [T0 + i * STEP for i in range(100)]
    assert all(len(row) == 4 for row in segment)


@pytest.mark.parametrize(
    "query",
    [
        {"start": T0 - 10**12, "end": T0 + 10**12},
        {"start": -5},
        {"end": 10**16},
        {"start": T0 + STEP * (ROWS - 10), "end": T0 + STEP * (ROWS - 5)},
        {"start": T0 + 10**15},
        {"end": 5},
    ],
)
def test_ranges_may_reach_anywhere(lumen: Lumen, query: dict[str, int]) -> None:
    answer = lumen.data(WIDE, max_rows=500, **query)
    assert isinstance(answer["decimation_factor"], int)
    number = lumen.id_of(WIDE)
    words = "".join(f"&{name}={value}" for name, value in query.items())
    pairs = lumen.json("GET", f"/data/intervals.json?id={number}{words}")
    assert all(len(pair) == 2 and pair[0] < pair[1] for pair in pairs)
    assert len(pairs) == len([segment for segment in answer["data"] if segment])


def test_a_stream_without_data_or_decimation_is_answered(lumen: Lumen) -> None:
    async def plant(node: Node) -> None:
        for name in ("empty", "plain"):
            stream = DataStream(name, elements=[Element("e")], decimate=False)
            await node.data_stream_create(stream, "/o")
        async with await node.data_write("/o/plain") as pipe:
            times = T0 + np.arange(5000)
            await pipe.write(np.column_stack([times, times - T0]))

    lumen.node.ask(plant)
    empty = lumen.data("/o/empty", max_rows=100)
    assert (empty["decimation_factor"], [row for segment in empty["data"] for row in segment]) == (
        1,
        [],
    )
    answer = lumen.data("/o/plain", max_rows=100)
    assert answer["decimation_factor"] > 1
    assert max(row[3] for row in answer["data"][0]) == 4999.0
    lumen.node.ask(lambda node: node.folder_delete("/o"))


# ------------------------------------------------------------------ values that JSON has not


def test_values_that_json_has_not_are_left_out_and_leave_a_gap(daemon: Daemon) -> None:
    """No node takes them; a store that was written by something else may have them."""
    ref = StreamRef(1, Layout("float32", 2))
    count = 20_000
    rows = np.zeros(count, ref.layout.dtype)
    rows["timestamp"] = T0 + STEP * np.arange(count)
    rows["data"] = 1
    rows["data"][100, 1] = np.nan
    rows["data"][200] = np.inf

    async def store() -> None:
        elements = tuple(
            ElementRecord(n, n, f"e{n}", None, True, "CONTINUOUS", 0.0, 1.0, None, None)
            for n in range(2)
        )
        async with EmbeddedEngine(daemon.data / DATABASE_FILE) as engine:
            root = next(each.id for each in (await engine.catalog.load()).folders)
            folder = FolderRecord(50, "bad", None, root, 1)
            stream = DataStreamRecord(1, "rows", None, "float32", -1, True, False, 50, 1, elements)
            await engine.catalog.apply(CatalogChanges(put=[folder, stream]))
            engine.samples.append(ref, rows)

    daemon.start()
    daemon.stop()
    asyncio.run(store())
    lumen = Lumen(daemon.start())
    raw = lumen.data("/bad/rows", max_rows=3600, end=T0 + 300 * STEP)
    assert [len(segment) for segment in raw["data"]] == [100, 99, 99]
    coarse = lumen.data("/bad/rows", max_rows=1000)
    assert coarse["decimation_factor"] > 1
    shown = np.array([row for segment in coarse["data"] for row in segment])
    assert len(coarse["data"]) in (2, 3)
    assert (shown[:, 1:] == 1).all()


# ------------------------------------------------------------------ many rows

MANY = 100_000_000
BLOCK = 2_000_000


@pytest.fixture(scope="module")
def large(shared: Daemon) -> Lumen:
    """The node with a hundred million rows of one stream beside the same of a hundredth."""

    async def fill(node: Node) -> None:
        for name, count in (("hundredth", MANY // 100), ("all", MANY)):
            stream = DataStream(name, datatype="int16", elements=[Element("x"), Element("y")])
            stream = await node.data_stream_create(stream, "/large")
            block: Any = np.zeros(BLOCK, stream.rows_layout.dtype)
            block["data"] = (np.arange(BLOCK) % 1000)[:, None]
            async with await node.data_write(stream) as pipe:
                for begin in range(0, count, BLOCK):
                    size = min(BLOCK, count - begin)
                    block["timestamp"] = T0 + 100 * np.arange(begin, begin + BLOCK)
                    await pipe.write(block[:size])

    shared.ask(fill)
    return Lumen(shared)


def cost(lumen: Lumen, path: str, **query: int) -> float:
    """The least processor time of the node for a plot, in seconds, over a few attempts."""
    assert lumen.node.process is not None
    process = psutil.Process(lumen.node.process.pid)
    found = []
    for _ in range(4):
        before = process.cpu_times()
        for _ in range(10):
            lumen.data(path, max_rows=3600, **query)
        after = process.cpu_times()
        found.append(float(after.user + after.system - before.user - before.system) / 10)
    return min(found)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_plot_of_a_hundred_million_rows_costs_what_a_small_one_costs(large: Lumen) -> None:
    answer = large.data("/large/all", max_rows=3600)
    rows = np.array([row for segment in answer["data"] for row in segment])
    assert answer["decimation_factor"] > 1
    assert len(rows) <= 3600 * 1.05
    assert rows.shape[1] == 1 + 3 * 2
    mean, least, most = rows[:, 1:3], rows[:, 3:5], rows[:, 5:7]
    assert ((least <= mean) & (mean <= most)).all()
    middle = {"start": T0 + 100 * (MANY // 3), "end": T0 + 100 * (MANY // 2)}
    whole, part = cost(large, "/large/all"), cost(large, "/large/all", **middle)
    small = cost(large, "/large/hundredth")
    assert whole < 10 * small
    assert part < 10 * small
