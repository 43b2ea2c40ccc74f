"""The spans: that each is what its chunks, or the spans below it, add up to.

Chunks and their groups have been checked before, from raw rows. What is joined here is joined
anew, not by the engine's own code. Means are compared within rounding, everything else exactly.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from joule.storage.codec import decode
from joule.storage.embedded.checking.groups import LEVELS, MEAN_TOLERANCE
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import apsw

    from joule.models.layout import Layout
    from joule.storage.embedded.checking.catalog import Known
    from joule.storage.embedded.checking.findings import Report

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

PLACE: Final = "spans"
TIME_TOLERANCE_US: Final = 3
"""Each level rounds down the mean of the one below."""

_STREAMS: Final = "SELECT DISTINCT stream FROM span ORDER BY 1"
_SPANS: Final = """
    SELECT level, first, last, rows, groups FROM span WHERE stream = ? ORDER BY level, first
"""
_SPANS_BELOW: Final = """
    SELECT first, last, rows, NULL, groups FROM span
    WHERE stream = ? AND level = ? AND first > ? AND first <= ? ORDER BY first
"""
_CHUNKS_BELOW: Final = """
    SELECT first, last, rows, breaks, iif(c.rows < 64,
        (SELECT data FROM chunk_data d WHERE d.id = c.data),
        (SELECT data FROM pyramid p WHERE p.stream = c.stream AND p.level = ? AND p.first = c.first)
    ) FROM chunk c WHERE stream = ? AND first > ? AND first <= ? ORDER BY first
"""
_BREAK: Final = np.dtype([("row", "<u4"), ("before", "<i8"), ("after", "<i8")])


class _Span(NamedTuple):
    level: int
    first: int
    last: int
    rows: int
    groups: bytes | None


class _Below(NamedTuple):
    """A chunk, its breaks and coarsest groups or few rows; or a span of the level below."""

    first: int
    last: int
    rows: int
    breaks: bytes | None
    data: bytes | None


class _Sums(NamedTuple):
    """Groups as columns; ``starts`` are the indices of those that begin an interval."""

    rows: Array
    time: Array
    mean: Array
    low: Array
    high: Array
    starts: Array


def check_spans(connection: apsw.Connection, known: Known, report: Report) -> None:
    """Check all spans of all streams."""
    with report.guard(PLACE):
        for (stream,) in connection.execute(_STREAMS):
            _StreamChecker(connection, known, report, stream).check()


class _StreamChecker:
    """Goes through the spans of one stream, level by level, in order of time."""

    def __init__(
        self, connection: apsw.Connection, known: Known, report: Report, stream: int
    ) -> None:
        self._connection = connection
        self._report = report
        self._stream = stream
        self._name = known.name(Kind.DATA_STREAM, stream)
        self._layout = known.layouts.get(stream)

    def check(self) -> None:
        spans = map(_Span._make, self._connection.execute(_SPANS, (self._stream,)))
        for level, found in groupby(spans, key=lambda span: span.level):
            behind: int | None = None
            for span in found:
                with self._report.guard(self._name, span.first):
                    for text in self._faults(span, behind):
                        place = f"span of level {level} {text}"
                        self._report.add(self._name, place, span.first)
                behind = span.last

    def _faults(self, span: _Span, behind: int | None) -> Iterator[str]:
        """Compare a span with what it covers and, but for the first, with the end of the last."""
        if behind is not None and span.first <= behind:
            yield f"begins before the end of the one before it, {behind}"
        below = list(self._below(span, span.first - 1 if behind is None else behind))
        covered = [item for item in below if item.first >= span.first]
        if len(covered) < len(below):
            yield f"does not begin where the one before it ends, {behind}"
        if not covered:
            yield "covers nothing"
            return
        if (covered[0].first, covered[-1].last) != (span.first, span.last):
            found = f"{covered[0].first} to {covered[-1].last}"
            yield f"covers {found}, not {span.first} to {span.last}"
        rows = sum(item.rows for item in covered)
        if rows != span.rows:
            yield f"has {span.rows} rows instead of {rows}"
        if span.groups is not None and self._layout is not None:
            fault = _groups_fault(span, covered, self._layout)
            if fault is not None:
                yield fault

    def _below(self, span: _Span, after: int) -> Iterator[_Below]:
        key = (self._stream, after, span.last)
        if span.level == 1:
            rows = self._connection.execute(_CHUNKS_BELOW, (LEVELS[-1], *key))
        else:
            bounds = (self._stream, span.level - 1, after, span.last)
            rows = self._connection.execute(_SPANS_BELOW, bounds)
        return map(_Below._make, rows)


def _groups_fault(span: _Span, covered: Sequence[_Below], layout: Layout) -> str | None:
    """Compare the groups of a span with those of what it covers."""
    parts = [_sums_below(span.level, item, layout) for item in covered]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return "has groups, and what it covers has none"
    assert span.groups is not None
    found, expected = _sums(decode(span.groups, _span_record(layout))), _joined(known)
    if len(found.rows) != len(expected.rows):
        return f"has {len(found.rows)} groups instead of {len(expected.rows)}"
    early = expected.time - found.time
    checks = {
        "breaks": np.array_equal(found.starts, expected.starts),
        "counts": np.array_equal(found.rows, expected.rows),
        "times": ((early > -1) & (early < TIME_TOLERANCE_US)).all(),
        "minima": np.array_equal(found.low, expected.low),
        "maxima": np.array_equal(found.high, expected.high),
        "means": _means_fit(found, expected),
    }
    wrong = [name for name, good in checks.items() if not good]
    return f"has groups with wrong {', '.join(wrong)}" if wrong else None


def _means_fit(found: _Sums, expected: _Sums) -> bool:
    size = np.maximum(np.abs(found.low.astype(float)), np.abs(found.high.astype(float)))
    with np.errstate(invalid="ignore"):
        near = np.abs(found.mean - expected.mean) <= MEAN_TOLERANCE * size
    beyond = ~np.isfinite(found.mean) | ~np.isfinite(expected.mean)
    return bool((near | beyond).all())


def _sums_below(level: int, item: _Below, layout: Layout) -> _Sums | None:
    """Give what is joined of a chunk or a span of the level below; None when it has no groups."""
    if item.data is None:
        return None
    if level > 1:
        return _sums(decode(item.data, _span_record(layout)))
    if item.rows < LEVELS[0]:
        sums = _sums_of_rows(decode(item.data, layout.dtype))
    else:
        sums = _sums(decode(item.data, _record(layout, ("count", "<u4"))))
    rows = np.frombuffer(item.breaks or b"", dtype=_BREAK)["row"]
    starts = np.searchsorted(np.cumsum(sums.rows) - sums.rows, rows)
    return sums._replace(starts=starts)


def _sums_of_rows(rows: Array) -> _Sums:
    """Give each row as a group."""
    values = rows["data"]
    ones = np.ones(len(rows), dtype=np.int64)
    return _Sums(ones, rows["timestamp"], values.astype(float), values, values, ones[:0])


def _sums(records: Array) -> _Sums:
    names = records.dtype.names or ()
    flags = records["starts_interval"] if "starts_interval" in names else records["count"][:0]
    return _Sums(
        records["count"].astype(np.int64),
        records["timestamp"],
        records["mean"],
        records["minimum"],
        records["maximum"],
        np.flatnonzero(flags),
    )


def _joined(parts: Sequence[_Sums]) -> _Sums:
    """Join the groups of each part between its breaks."""
    begins = np.cumsum([0, *(len(part.rows) for part in parts)])
    breaks = np.concatenate([p.starts + b for p, b in zip(parts, begins, strict=False)])
    columns = zip(*(part[:-1] for part in parts), strict=True)
    count, time, mean, low, high = (np.concatenate(column) for column in columns)
    starts = np.unique(np.concatenate([begins[:-1], breaks]).astype(np.int64))
    total = np.add.reduceat(count, starts)
    of_group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(count))))
    share = count / total[of_group]
    first = time[starts]
    # Unsigned and then wider: what is joined may span more time than a signed number counts.
    offsets = (time - first[of_group]).astype(np.uint64).astype(np.longdouble)
    with np.errstate(invalid="ignore", over="ignore"):
        means = np.add.reduceat(mean * share[:, None], starts, axis=0)
    return _Sums(
        total,
        first.astype(np.longdouble) + np.add.reduceat(offsets * share, starts),
        means,
        np.minimum.reduceat(low, starts, axis=0),
        np.maximum.reduceat(high, starts, axis=0),
        np.searchsorted(starts, breaks),
    )


def _span_record(layout: Layout) -> np.dtype[Any]:
    return _record(layout, ("count", "<i8"), ("starts_interval", "u1"))


def _record(layout: Layout, *more: tuple[str, str]) -> np.dtype[Any]:
    value, vector = layout.dtype["data"].base, (layout.width,)
    values = [("mean", "<f8", vector), ("minimum", value, vector), ("maximum", value, vector)]
    return np.dtype([("timestamp", "<i8"), *more, *values])
