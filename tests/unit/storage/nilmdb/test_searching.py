from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.nilmdb.searching import first_row, last_row, time_of_row
from joule.storage.nilmdb.session import Session
from joule.storage.nilmdb.stored import StoredPath

if TYPE_CHECKING:
    from tests.integration.nilmdb import NilmDB

LAYOUT = Layout("int16", 1)


@pytest.mark.parametrize("spread", ["even", "bursts", "late"])
async def test_a_row_is_found_by_its_number_in_a_few_questions(double: NilmDB, spread: str) -> None:
    steps = np.full(50_000, 10)
    if spread == "bursts":
        steps[::1000] = 10**9
    if spread == "late":
        steps[1] = 10**15
    rows = np.zeros(len(steps), LAYOUT.dtype)
    rows["timestamp"] = np.cumsum(steps)
    bounds = Interval(int(rows["timestamp"][0]), int(rows["timestamp"][-1]) + 1)
    double.plant("/joule/1", str(LAYOUT), rows, [bounds])
    async with Session(double.url) as session:
        path = StoredPath(session, "/joule/1", LAYOUT)
        for number in (0, 1, 25_000, 49_999):
            double.routes.clear()
            found = await time_of_row(path, bounds, number, len(rows))
            assert found == rows["timestamp"][number]
            assert len(double.routes) <= (5 if spread == "even" else 80)


async def test_neighbours_are_found_where_more_is_covered_than_there_are_rows(
    double: NilmDB,
) -> None:
    rows = np.zeros(4, LAYOUT.dtype)
    rows["timestamp"] = [100, 200, 500, 600]
    double.plant("/joule/1", str(LAYOUT), rows, [(50, 300), (350, 380), (400, 900)])
    async with Session(double.url) as session:
        path = StoredPath(session, "/joule/1", LAYOUT)
        assert [await first_row(path, t) for t in (0, 100, 101, 300, 600)] == [
            100, 100, 200, 500, 600,
        ]  # fmt: skip
        assert await first_row(path, 601) is None
        assert [await last_row(path, t) for t in (101, 340, 390, 501, 2000)] == [
            100, 200, 200, 500, 600,
        ]  # fmt: skip
        assert await last_row(path, 100) is None
