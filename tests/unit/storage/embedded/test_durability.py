"""What the rows go through: failing devices, kills, power cuts, damaged records."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from joule.errors import StorageError, StorageFullError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import StreamRef
from joule.testing.engine_contract.checks import check_stream, make_rows, read_runs
from joule.testing.faults import Device, FaultyFiles, Survivors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.models.layout import Rows

FAST = StreamRef(1, Layout("float64", 32))
SLOW = StreamRef(2, Layout("int16", 1))
LEVELS = (64, 1024)


@pytest.fixture
def files() -> Iterator[FaultyFiles]:
    files = FaultyFiles()
    yield files
    files.unregister()


def rows(stream: StreamRef, start: int, end: int) -> Rows:
    return make_rows(stream.layout, np.arange(start, end) * 10)


@pytest.mark.parametrize("kind", ["write", "sync"])
async def test_a_commit_that_fails_is_tried_again_with_nothing_lost_or_doubled(
    path: Path, files: FaultyFiles, kind: str
) -> None:
    async with EmbeddedEngine(path, vfs=files.name) as engine:
        store = engine.samples
        store.append(FAST, rows(FAST, 0, 3000))
        await store.commit()
        store.append(FAST, rows(FAST, 3000, 5000), starts_interval=True)
        store.append(SLOW, rows(SLOW, 0, 10))
        pending = store.pending_bytes
        files.fails = kind
        for _ in range(2):
            with pytest.raises(StorageError, match="cannot be read or written"):
                await store.commit()
        assert store.pending_bytes == pending
        store.append(SLOW, rows(SLOW, 10, 12), starts_interval=True)
        expected = {
            FAST: [rows(FAST, 0, 3000), rows(FAST, 3000, 5000)],
            SLOW: [rows(SLOW, 0, 10), rows(SLOW, 10, 12)],
        }
        for stream, runs in expected.items():
            await check_stream(store, stream, runs, levels=LEVELS)
        files.fails = None
        await store.commit()
        assert store.pending_bytes == 0
    async with EmbeddedEngine(path) as engine:
        for stream, runs in expected.items():
            await check_stream(engine.samples, stream, runs, levels=LEVELS)


async def test_a_full_device_keeps_rows_waiting_until_there_is_room(path: Path) -> None:
    async with EmbeddedEngine(path) as engine:
        database = engine._database
        await database.write(lambda c: c.pragma("max_page_count", c.pragma("page_count") + 5))
        noise = rows(FAST, 0, 4000)
        noise["data"] = np.random.default_rng(0).normal(size=noise["data"].shape)
        engine.samples.append(FAST, noise.copy())
        with pytest.raises(StorageFullError, match="no room left"):
            await engine.samples.commit()
        assert engine.samples.pending_bytes == noise.nbytes
        with pytest.raises(StorageFullError, match="no room left"):
            await engine.samples.insert(
                FAST, rows(FAST, 5000, 9000), starts_interval=True, ends_interval=False
            )
        await check_stream(engine.samples, FAST, [noise], levels=LEVELS)
        await database.write(lambda c: c.pragma("max_page_count", 10**9))
        await engine.samples.commit()
        await check_stream(engine.samples, FAST, [noise], levels=LEVELS)


async def test_an_edit_that_fails_leaves_rows_and_tail_as_they_were(
    path: Path, files: FaultyFiles
) -> None:
    async with EmbeddedEngine(path, vfs=files.name) as engine:
        store = engine.samples
        store.append(FAST, rows(FAST, 0, 3000))
        await store.commit()
        store.append(FAST, rows(FAST, 3000, 3100))
        files.fails = "write"
        with pytest.raises(StorageError):
            await store.delete(FAST, Interval(100, 40_000))
        with pytest.raises(StorageError):
            await store.drop([FAST.id])
        files.fails = None
        await check_stream(store, FAST, [rows(FAST, 0, 3100)], levels=LEVELS)
        assert await store.delete(FAST, Interval(0, 30_500)) == 3050
        await check_stream(store, FAST, [rows(FAST, 3050, 3100)], levels=LEVELS)


WRITER = """
import asyncio, sys
from pathlib import Path
import numpy as np
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import StreamRef
from joule.testing.engine_contract.checks import make_rows

async def main():
    async with EmbeddedEngine(Path(sys.argv[1])) as engine:
        fast, slow = StreamRef(1, Layout("float64", 32)), StreamRef(2, Layout("int16", 1))
        info = await engine.samples.info(fast)
        number = info.rows // 700
        while True:
            times = np.arange(number * 700, (number + 1) * 700) * 10
            engine.samples.append(fast, make_rows(fast.layout, times), starts_interval=True)
            engine.samples.append(slow, make_rows(slow.layout, times[::100]))
            await engine.samples.commit()
            number += 1
            print(number, flush=True)
            if number % 7 == 0:
                await engine.maintain()

asyncio.run(main())
"""


def write_until_killed(path: Path, commits: int) -> int:
    """Let a process write and kill it after some commits; the last that it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        for _ in range(commits):
            acknowledged = int(it.stdout.readline())
        os.kill(it.pid, signal.SIGKILL)
        rest = it.stdout.read().split(b"\n")[:-1]
    return max(acknowledged, *map(int, rest), 0)


async def test_what_was_acknowledged_survives_kills_and_what_is_there_is_whole(
    path: Path,
) -> None:
    for commits in (1, 6, 20):
        acknowledged = write_until_killed(path, commits)
        async with EmbeddedEngine(path) as engine:
            written = (await engine.samples.info(FAST)).rows // 700
            assert written >= acknowledged
            runs = [rows(FAST, i * 700, (i + 1) * 700) for i in range(written)]
            await check_stream(engine.samples, FAST, runs, levels=LEVELS)
            slow = make_rows(SLOW.layout, np.arange(0, written * 700, 100) * 10)
            await check_stream(engine.samples, SLOW, [slow], levels=LEVELS)


class State(NamedTuple):
    """What a stream holds once so many calls to files are done."""

    operations: int
    runs: list[Rows]


async def test_a_power_cut_leaves_all_of_a_change_or_nothing(
    path: Path, files: FaultyFiles, tmp_path: Path
) -> None:
    states = await _story(path, files)
    random = np.random.default_rng(20)
    for cut in range(40):
        moment = int(random.integers(states[0].operations, len(files.calls) + 1))
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        device = Device()
        device.run(files.calls[:moment])
        device.lose_power(folder, Survivors.ANY_SECTORS, random)
        acknowledged = max(i for i, state in enumerate(states) if state.operations <= moment)
        async with EmbeddedEngine(folder / path.name) as engine:
            found, _ = await read_runs(engine.samples, FAST)
            sizes = [[len(run) for run in state.runs] for state in states]
            allowed = range(acknowledged, min(acknowledged + 2, len(states)))
            matching = [i for i in allowed if sizes[i] == [len(run) for run in found]]
            assert matching, f"cut {cut} at {moment}: neither before nor after the change"
            await check_stream(engine.samples, FAST, states[matching[0]].runs, levels=LEVELS)


async def _story(path: Path, files: FaultyFiles) -> list[State]:
    """Append, insert, delete and consolidate; the state after each of them."""
    states: list[State] = []

    def reached(*runs: tuple[int, int]) -> None:
        states.append(State(len(files.calls), [rows(FAST, *run) for run in runs]))

    async with EmbeddedEngine(path, vfs=files.name) as engine:
        store = engine.samples
        reached()
        for number in range(6):
            store.append(FAST, rows(FAST, number * 900, (number + 1) * 900))
            await store.commit()
            reached((0, (number + 1) * 900))
        await engine.maintain()
        await store.delete(FAST, Interval(9_000, 31_000))
        reached((0, 900), (3100, 5400))
        await store.insert(FAST, rows(FAST, 900, 2000), starts_interval=False, ends_interval=True)
        reached((0, 2000), (3100, 5400))
        store.append(FAST, rows(FAST, 5400, 5410), starts_interval=True)
        await store.commit()
        reached((0, 2000), (3100, 5400), (5400, 5410))
        await store.consolidate(FAST, ALL_TIME, 0)
        reached((0, 2000), (3100, 5400), (5400, 5410))
        await store.consolidate(FAST, ALL_TIME, 10)
        reached((0, 2000), (3100, 5410))
        await engine.maintain()
        await store.retain(FAST, 12_000)
        kept = (await store.info(FAST)).start
        assert kept is not None
        reached((kept // 10, 2000), (3100, 5410))
        await store.drop([FAST.id])
        reached()
    return states


async def test_a_damaged_chunk_is_reported_and_others_can_be_read(path: Path) -> None:
    async with EmbeddedEngine(path) as engine:
        engine.samples.append(FAST, rows(FAST, 0, 5000))
        await engine.samples.commit()
        await engine._database.write(
            lambda c: c.execute(
                "UPDATE chunk_data SET data = CAST(data || x'00' AS BLOB) WHERE id = 2"
            ).fetchall()
        )
        with pytest.raises(StorageError, match="do not match their checksum"):
            await read_runs(engine.samples, FAST)
        first, _ = await read_runs(engine.samples, FAST, Interval(0, 10_000))
        assert len(first[0]) == 1000
