"""Whether a node has what it acknowledged, once and in order, and nothing that it may not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import JouleError
from tests.crash import load
from tests.crash.lives import COUNTED, FILTERED
from tests.crash.load import CUT, EVENTS, FAST, KEPT, LATE, SLOW, STEP_US, Acknowledged, batch

if TYPE_CHECKING:
    from joule.api import TcpNode
    from tests.integration.daemon import Daemon


async def has_rows(node: TcpNode, path: str) -> bool:
    try:
        return (await node.data_stream_info(path)).rows > 0
    except JouleError:  # the module has not made its stream yet
        return False


def check(node: Daemon, done: Acknowledged, since: dict[str, int]) -> None:
    """Compare what is stored with what was acknowledged, from rows with these numbers on."""

    async def checks(ours: TcpNode) -> None:
        for path in (FAST, *SLOW):
            done.rows[path] = await check_rows(ours, path, done.rows[path], since[path])
        await check_cut(ours, done, since[CUT])
        await check_kept(ours, done)
        await check_late_count(ours, done)

    node.ask(checks)


def check_everything(node: Daemon, done: Acknowledged) -> None:
    """Compare all that is stored with what was acknowledged."""
    check(node, done, dict.fromkeys(done.rows, 0))

    async def checks(ours: TcpNode) -> None:
        await check_late(ours, done)
        await check_events(ours, done)
        for path in (COUNTED, FILTERED):
            if await has_rows(ours, path):
                await check_live(ours, path)

    node.ask(checks)


async def check_rows(node: TcpNode, path: str, acknowledged: int, since: int) -> int:
    """Every acknowledged row is there; gives the number of the next row to write."""
    count = (await node.data_stream_info(path)).rows
    assert count >= acknowledged, f"{path}: {acknowledged - count} acknowledged rows are lost"
    if count:
        rows = await rows_of(node, path, since)
        # A batch that was not acknowledged may be there in part, but only as a clean tail.
        assert rows.tobytes() == batch(since, count - since).tobytes(), path
        check_intervals(rows, await node.data_intervals(path, (since + 1) * STEP_US))
    return count


async def rows_of(node: TcpNode, path: str, since: int = 0) -> Any:
    """All rows from a number on."""
    try:
        return await node.data_read_array(path, (since + 1) * STEP_US, max_rows=None)
    except JouleError:  # there are none
        return batch(0, 0)


async def check_cut(node: TcpNode, done: Acknowledged, since: int) -> None:
    """Acknowledged rows are there, deleted ones are not, and a break is in their place."""
    rows = await rows_of(node, CUT, since)
    numbers = rows["data"][:, 0].tolist()
    assert len(set(numbers)) == len(numbers)
    assert not done.deleted.intersection(numbers), "deleted rows are there again"
    missing = set(range(since, done.rows[CUT])).difference(numbers)
    assert missing <= done.maybe_deleted, "acknowledged rows are lost"
    check_intervals(rows, await node.data_intervals(CUT, (since + 1) * STEP_US))
    done.rows[CUT] = max([done.rows[CUT] - 1, *numbers]) + 1


async def check_late_count(node: TcpNode, done: Acknowledged) -> None:
    """All batches written backwards are there, each as a whole."""
    batches, rest = divmod((await node.data_stream_info(LATE)).rows, load.LATE_ROWS)
    assert rest == 0, "a late batch is there in part"
    assert batches >= done.late, "acknowledged late rows are lost"
    done.late = batches


async def check_late(node: TcpNode, done: Acknowledged) -> None:
    """Batches written backwards are there, each in an interval of its own."""
    rows = await rows_of(node, LATE)
    assert rows.tobytes() == batch(10**9 - len(rows), len(rows)).tobytes()
    if len(rows):
        assert len(await node.data_intervals(LATE)) == done.late


async def check_kept(node: TcpNode, done: Acknowledged) -> None:
    """What retention has left is the end of what was written."""
    rows = await rows_of(node, KEPT)
    if len(rows):
        first = int(rows["data"][0, 0])
        assert rows.tobytes() == batch(first, len(rows)).tobytes()
        assert first + len(rows) >= done.rows[KEPT], "acknowledged rows are lost"
        done.rows[KEPT] = first + len(rows)
    else:
        done.rows[KEPT] += load.FAST_ROWS  # some of the last batch may have been there


async def check_events(node: TcpNode, done: Acknowledged) -> None:
    """Acknowledged events are there with their ids; no event is there twice."""
    found = await node.event_stream_read_list(EVENTS, limit=10**7)
    stored = {event.id: event.content["number"] for event in found}
    assert len(set(stored.values())) == len(found), "an event is doubled"
    assert done.events.items() <= stored.items(), "acknowledged events are lost or changed"


async def check_live(node: TcpNode, path: str) -> None:
    """The rows of each life are there without a hole, with one break between two lives."""
    rows = await node.data_read_array(path, max_rows=None)
    # Its module is at work: meanwhile a new interval may have begun.
    intervals = await node.data_intervals(path, end=int(rows["timestamp"][-1]) + 1)
    numbers = rows["data"][:, 0]
    lives = np.flatnonzero(np.diff(numbers) != 1) + 1
    assert (np.diff(numbers)[lives - 1] < 0).all(), f"{path}: rows are missing within a life"
    assert len(intervals) == len(lives) + 1, f"{path}: not one break for each crash"
    check_intervals(rows, intervals)


def check_intervals(rows: Any, intervals: list[list[int]]) -> None:
    """Times rise, and the intervals have all rows between them, each beginning at one."""
    times = rows["timestamp"]
    assert np.all(np.diff(times) > 0)
    seen = 0
    for start, end in intervals:
        low, high = np.searchsorted(times, [start, end])
        assert times[low] == start
        assert low == seen
        seen = int(high)
    assert seen == len(rows)
