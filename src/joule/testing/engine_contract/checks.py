"""What a store says about a stream, compared with the rows it ought to hold.

The oracle is brute force over plain arrays and shares nothing with an engine or the kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.models.intervals import ALL_TIME, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.decimation import Groups
    from joule.models.layout import Layout, Rows
    from joule.storage.interfaces import SampleStore, StreamRef

LEVELS = (4, 64, 4096)


def make_rows(layout: Layout, times: Sequence[int] | np.ndarray[Any, Any]) -> Rows:
    """Give ``(n,)`` rows at these timestamps with values that tell rows and columns apart."""
    rows = np.zeros(len(times), dtype=layout.dtype)
    rows["timestamp"] = times
    pattern = (rows["timestamp"] // 10 % 2000)[:, None] * 7 - 5000 + np.arange(layout.width)
    rows["data"] = pattern if layout.datatype.startswith("int") else pattern / 8
    return rows


async def read_runs(
    store: SampleStore, stream: StreamRef, interval: Interval = ALL_TIME
) -> tuple[list[Rows], bool]:
    """Read a range: the rows of each interval, and whether the read said that it ends in a gap."""
    runs: list[list[Rows]] = []
    async for rows, starts_interval in store.read(stream, interval):
        assert rows.dtype == stream.layout.dtype
        size_bytes = rows.nbytes  # a failure must not print the rows
        assert size_bytes <= 1 << 20, "a block is much larger than 512 KiB"
        assert runs or not starts_interval, "the first block of a read starts no interval"
        if starts_interval or not runs:
            runs.append([])
        runs[-1].append(rows)
    joined = [np.concatenate(run) for run in runs]
    ends_in_gap = len(joined) > 0 and not len(joined[-1])
    return (joined[:-1] if ends_in_gap else joined), ends_in_gap


async def check_stream(
    store: SampleStore, stream: StreamRef, runs: Sequence[Rows], *, levels: Sequence[int] = LEVELS
) -> None:
    """Fail unless the stream holds exactly these runs of rows, in every way it can be asked."""
    found, ends_in_gap = await read_runs(store, stream)
    assert not ends_in_gap
    assert_runs_equal(found, runs)
    expected = [Interval(int(r["timestamp"][0]), int(r["timestamp"][-1]) + 1) for r in runs]
    assert await store.intervals(stream, ALL_TIME) == expected
    assert await store.count(stream, ALL_TIME) == sum(map(len, runs))
    await _check_info(store, stream, runs)
    for level in levels:
        await check_groups(store, stream, runs, level)


def assert_runs_equal(found: Sequence[Rows], expected: Sequence[Rows]) -> None:
    """Fail unless the runs hold the same rows, bit for bit."""
    for left, right in zip(found, expected, strict=False):
        np.testing.assert_array_equal(left["timestamp"], right["timestamp"])
        same = left.tobytes() == right.tobytes()
        assert same, "timestamps agree, values do not"
    assert len(found) == len(expected)


async def _check_info(store: SampleStore, stream: StreamRef, runs: Sequence[Rows]) -> None:
    info = await store.info(stream)
    assert info.rows == sum(map(len, runs))
    if runs:
        assert (info.start, info.end) == (runs[0]["timestamp"][0], runs[-1]["timestamp"][-1])
        assert info.bytes > 0
    else:
        assert (info.start, info.end) == (None, None)


async def check_groups(
    store: SampleStore,
    stream: StreamRef,
    runs: Sequence[Rows],
    level: int,
    interval: Interval = ALL_TIME,
) -> None:
    """Fail unless the decimated view of a range is a true summary of these runs, in their order."""
    found: list[list[Groups]] = []
    async for groups, starts_interval in store.read_decimated(stream, interval, level):
        if not len(groups.count):
            continue
        assert found or not starts_interval, "the first block of a read starts no interval"
        if starts_interval or not found:
            found.append([])
        found[-1].append(groups)
    assert len(found) == len(runs), "groups and rows disagree about the intervals"
    for blocks, rows in zip(found, runs, strict=True):
        _check_run(blocks, rows, level)


def _check_run(blocks: Sequence[Groups], rows: Rows, level: int) -> None:
    count = np.concatenate([groups.count for groups in blocks])
    assert count.sum() == len(rows)
    assert count.min() > 0
    assert count.max() < 2 * level
    assert len(count) <= -(-len(rows) // level), "too many groups for this level"
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    _check_values(blocks, rows["data"], first, count)
    stamps = np.concatenate([groups.timestamp for groups in blocks])
    assert (stamps >= rows["timestamp"][first]).all()
    assert (stamps <= rows["timestamp"][first + count - 1]).all()
    slack_us = 2 + len(bin(level)) // 2  # every regrouping may round down once
    for at, n, stamp in zip(first.tolist(), count.tolist(), stamps.tolist(), strict=True):
        exact = sum(rows["timestamp"][at : at + n].tolist()) / n
        assert abs(stamp - exact) <= slack_us + abs(exact) * 1e-15


def _check_values(
    blocks: Sequence[Groups],
    data: np.ndarray[Any, Any],
    first: np.ndarray[Any, Any],
    count: np.ndarray[Any, Any],
) -> None:
    minimum = np.concatenate([groups.minimum for groups in blocks])
    maximum = np.concatenate([groups.maximum for groups in blocks])
    assert minimum.dtype == data.dtype
    assert maximum.dtype == data.dtype
    np.testing.assert_array_equal(minimum, np.minimum.reduceat(data, first, axis=0))
    np.testing.assert_array_equal(maximum, np.maximum.reduceat(data, first, axis=0))
    mean = np.concatenate([groups.mean for groups in blocks])
    total = np.add.reduceat(data.astype(np.float64), first, axis=0)
    scale = np.maximum(np.abs(minimum.astype(np.float64)), np.abs(maximum.astype(np.float64)))
    assert (np.abs(mean - total / count[:, None]) <= 1e-6 * scale + 1e-30).all()
