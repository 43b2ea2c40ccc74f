"""What is told of a stream from its two parts: the rows at the server and those that wait here.

Rows that wait are behind all others, and what the server has of them already does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.intervals import MAX_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import SampleInfo
from joule.storage.nilmdb.searching import first_row, last_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joule.storage.nilmdb.session import Entry
    from joule.storage.nilmdb.stored import StoredPath
    from joule.storage.stretch import Stretch


class Sum(NamedTuple):
    """What the server has of a stream, its levels among the bytes."""

    extent: Interval | None = None
    rows: int = 0
    bytes: int = 0


NOTHING: Final = Sum()


def sums_of(entries: Iterable[Entry]) -> dict[str, Sum]:
    """Add up what is listed, by the path of the rows."""
    sums: dict[str, Sum] = {}
    for entry in entries:
        base, is_derived, _ = entry.path.partition("~")
        known = sums.get(base, NOTHING)
        size = known.bytes + entry.rows * Layout.parse(entry.layout).row_bytes
        if is_derived:
            sums[base] = known._replace(bytes=size)
        else:
            sums[base] = Sum(entry.extent, entry.rows, size)
    return sums


def info_of(stored: Sum, view: Stretch | None) -> SampleInfo:
    """Give what is told of a stream; ``stored`` counts no row that waits."""
    start = stored.extent.start if stored.extent is not None and stored.rows else None
    end = stored.extent.end - 1 if stored.extent is not None and stored.rows else None
    if view is None:
        return SampleInfo(stored.rows, start, end, stored.bytes if stored.rows else 0)
    return SampleInfo(
        stored.rows + len(view),
        view.first if start is None else start,
        view.last,
        stored.bytes + view.rows.nbytes,
    )


def stored_part(interval: Interval, view: Stretch | None) -> Interval:
    """Give the part of a range whose rows are at the server alone."""
    start, end = int(interval.start), int(interval.end)
    return Interval(start, end if view is None else min(end, view.first))


async def intervals(path: StoredPath, view: Stretch | None, bounds: Interval) -> list[Interval]:
    """Give the unbroken runs of rows in a range: from the first to behind the last row of each."""
    stored = stored_part(bounds, view)
    found = await _trimmed(path, stored)
    waiting = None if view is None else view.clip(bounds)
    for run in waiting.runs() if waiting is not None else ():
        goes_on = bool(found) and not run.starts_interval
        start = found.pop().start if goes_on else run.first
        found.append(Interval(start, run.last + 1))
    return found


async def _trimmed(path: StoredPath, bounds: Interval) -> list[Interval]:
    """Give the covered time of a range, from the first to behind the last row in it."""
    found = await path.coverage(bounds)
    while found:
        first = await first_row(path, found[0].start)
        if first is not None and first < found[0].end:
            found[0] = found[0]._replace(start=first)
            break
        del found[0]
    while found:
        last = await last_row(path, found[-1].end)
        if last is not None and last >= found[-1].start:
            found[-1] = found[-1]._replace(end=last + 1)
            break
        del found[-1]
    return found


async def ends_in_gap(path: StoredPath, view: Stretch | None, last: int, end: int) -> bool:
    """Whether a break lies behind the row ``last``, rows follow it, and ``end`` is between."""
    if view is not None and last >= view.first:
        behind = view.span(Interval(last + 1, MAX_TIME))[0]
        return behind < len(view) and behind in view.breaks
    covered = await path.coverage(Interval(last, MAX_TIME))
    if covered and covered[0].end >= end:
        return False
    return len(covered) > 1 or (view is not None and view.starts_interval)
