"""Each thing that can be wrong at the server is found, and nothing where all is well."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.nilmdb import checking
from joule.storage.nilmdb.checking import Finding, check_streams
from joule.storage.nilmdb.session import Session
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.storage.nilmdb import NilmdbEngine
    from tests.integration.nilmdb import NilmDB, Stored

STREAM = StreamRef(1, Layout("float32", 2), name="/site/a")
OTHER = StreamRef(2, Layout("int16", 1), name="/site/b")
NEVER_WRITTEN = StreamRef(3, Layout("int16", 1), name="/site/c")
ROWS = 3000


@pytest.fixture
async def filled(engine: NilmdbEngine, double: NilmDB) -> NilmDB:
    """A server with all that a node makes: intervals, levels, late rows, joined gaps, removals."""
    store = engine.samples
    for first in range(0, ROWS, 500):
        rows = make_rows(STREAM.layout, np.arange(first, first + 500) * 10)
        store.append(STREAM, rows, starts_interval=first == 2000)
        store.append(OTHER, make_rows(OTHER.layout, np.arange(first, first + 500) * 10))
        await store.commit()
    late = make_rows(STREAM.layout, np.arange(10) * 10 + 5005)
    await store.insert(STREAM, late, starts_interval=False, ends_interval=False)
    await store.delete(OTHER, Interval(9000, 12_000))
    await store.consolidate(OTHER, ALL_TIME, 10_000)
    return double


def all_streams() -> list[StreamRef]:
    return [STREAM, OTHER, NEVER_WRITTEN]


async def check(
    double: NilmDB, known: Callable[[], list[StreamRef]] = all_streams
) -> tuple[int, list[Finding]]:
    done: list[int] = []
    async with Session(double.url) as session:
        rows, found = await check_streams(session, known, done.append)
    assert sum(done) == rows
    return rows, found


@pytest.mark.parametrize("page_bytes", [1 << 20, 500])
async def test_what_a_node_has_stored_is_well(
    filled: NilmDB, monkeypatch: pytest.MonkeyPatch, page_bytes: int
) -> None:
    monkeypatch.setattr(checking, "PAGE_BYTES", page_bytes)
    assert len(filled.streams["/joule/1~decim-64"].rows)
    assert await check(filled) == (2 * ROWS + 10 - 300, [])


async def test_an_empty_server_is_well(double: NilmDB) -> None:
    assert await check(double) == (0, [])


def lose_rows(stored: Stored) -> None:
    stored.rows = np.delete(stored.rows, np.s_[100:103])


def overlap(stored: Stored) -> None:
    stored.intervals = [(0, 500), (400, 40_000)]


def cut_an_interval(stored: Stored) -> None:
    stored.intervals[0] = (15, stored.intervals[0][1])


def turn_back(stored: Stored) -> None:
    stored.rows["timestamp"][50] = stored.rows["timestamp"][49]


def raise_means(stored: Stored) -> None:
    stored.rows["data"][7, 0] = 1e30


def change_layout(stored: Stored) -> None:
    stored.layout = Layout("float64", stored.layout.width)


FAULTS: Any = [
    ("/joule/1", lose_rows, r"level 4 has 125 groups for 497 rows, decimate the stream anew"),
    ("/joule/1", overlap, "two intervals overlap"),
    ("/joule/1", cut_an_interval, "there are 3010 rows, 3008 of them in intervals"),
    ("/joule/1", turn_back, r"times of \[/joule/1\] do not rise"),
    ("/joule/1~decim-4", raise_means, "a mean of level 4 is not between its extremes"),
    ("/joule/1~decim-4", turn_back, r"times of \[/joule/1~decim-4\] do not rise"),
    ("/joule/1", change_layout, r"layout of \[/joule/1\] is float64_2 instead of float32_2"),
    ("/joule/1~decim-16", change_layout, "is float64_6 instead of float32_6"),
]


@pytest.mark.parametrize(("path", "spoil", "text"), FAULTS)
async def test_damage_is_found(
    filled: NilmDB, path: str, spoil: Callable[[Stored], None], text: str
) -> None:
    spoil(filled.streams[path])
    _, found = await check(filled)
    assert {each.place for each in found} == {"/site/a"}
    assert any(re.search(text, each.text) for each in found), found


async def test_rows_of_nobody_are_found(filled: NilmDB) -> None:
    filled.streams["/joule/99"] = filled.streams["/joule/2"]
    filled.streams["/joule/99~decim-4"] = filled.streams["/joule/2"]
    assert (await check(filled))[1] == [Finding("/joule/99", "is of no data stream of this node")]


async def test_a_stream_that_comes_meanwhile_is_no_stray(filled: NilmDB) -> None:
    lists = [[STREAM], all_streams()]
    assert (await check(filled, lambda: lists.pop(0)))[1] == []
    assert lists == []


async def test_a_part_of_a_row_is_found(filled: NilmDB, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Session.extract

    async def cut(*args: Any) -> bytes:
        return (await whole(*args))[:-3]

    monkeypatch.setattr(Session, "extract", cut)
    _, found = await check(filled)
    assert Finding("/site/a", "NilmDB sent a part of a row of [/joule/1]", 0) in found


async def test_what_the_node_changes_meanwhile_is_no_fault(
    filled: NilmDB, engine: NilmdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, removed = Session.count, 0

    async def count(self: Session, path: str, bounds: Interval) -> int:
        nonlocal removed
        if path == "/joule/1" and not removed:
            monkeypatch.undo()
            removed = await engine.samples.delete(STREAM, Interval(100, 200))
        return await whole(self, path, bounds)

    monkeypatch.setattr(Session, "count", count)
    assert (await check(filled))[1] == []
    assert removed == 10


async def test_a_server_that_goes_away_is_no_finding(filled: NilmDB) -> None:
    filled.lose("/stream/extract", "request", skip=1)
    with pytest.raises(StorageError, match="does not answer"):
        await asyncio.wait_for(check(filled), 20)
