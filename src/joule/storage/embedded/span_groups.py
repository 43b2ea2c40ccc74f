"""The groups of a span: one for each unbroken run of rows of each of its neighbours below.

Beside every group stands whether it begins an interval, so that groups can be joined further
without looking at anything else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.errors import StorageDamagedError
from joule.models.decimation import Groups, concat
from joule.storage.codec import decode, encode
from joule.storage.embedded.breaks import break_rows
from joule.storage.embedded.damage import reported_as, time_range
from joule.storage.embedded.pyramid import LEVELS
from joule.storage.summary import Summary, begins_of, joined, moved, summarize, with_breaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.layout import Layout
    from joule.storage.embedded.chunk_table import Chunk
    from joule.storage.embedded.chunks import Chunks
    from joule.storage.embedded.span_table import Span
    from joule.storage.stretch import Indices

GROUPS_MAX: Final = 256
"""A span of more groups stores none: where intervals are that short, joining brings little."""


def sum_chunks(chunks: Chunks, found: Sequence[Chunk]) -> Summary | None:
    """Sum up neighbouring chunks; None when there are no groups, or too many to be of use."""
    undecimated = any(not chunk.pyramid_bytes and chunk.rows >= LEVELS[0] for chunk in found)
    breaks = [break_rows(chunk.breaks) for chunk in found]
    if undecimated or len(found) + sum(map(len, breaks)) > GROUPS_MAX:
        return None
    try:
        groups = _groups(chunks, found)
    except StorageDamagedError:
        return None  # whoever reads the chunk itself is told
    begins = begins_of([chunk.rows for chunk in found])
    summary = with_breaks(groups, moved(breaks, begins))
    if len(groups) == len(found):
        return summary  # one group each, as full chunks have it
    return _by_part(summary, with_breaks(groups, begins).breaks)


def sum_spans(found: Sequence[Span], layout: Layout) -> Summary | None:
    """Sum up neighbouring spans; None as above."""
    try:
        parts = [decode_summary(span, layout) for span in found]
    except StorageDamagedError:
        return None
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return _by_part(joined(known), begins_of([len(part.groups) for part in known]))


def _by_part(summary: Summary, begins: Indices) -> Summary | None:
    """Join the groups of each part, given where it begins, into as few as its breaks allow."""
    starts = np.union1d(begins, summary.breaks)
    return summary.regrouped(starts) if len(starts) <= GROUPS_MAX else None


def _groups(chunks: Chunks, found: Sequence[Chunk]) -> Groups:
    """Give the coarsest groups of neighbouring chunks; few rows are summed up themselves."""
    bounds = (found[0].first, found[-1].first)
    stored = chunks.table.pyramids.level(chunks.stream.id, LEVELS[-1], *bounds)
    if len(stored) == len(found):
        return chunks.load_many_groups([(chunk, stored[chunk.first]) for chunk in found])
    return concat(
        [
            chunks.load_groups(chunk, stored[chunk.first])
            if chunk.first in stored
            else summarize(chunks.load(chunk), LEVELS[-1]).groups
            for chunk in found
        ]
    )


def encode_summary(summary: Summary, layout: Layout) -> bytes:
    """Give the bytes to store."""
    groups, breaks = summary
    records = np.zeros(len(groups), dtype=_record(layout))
    records["timestamp"] = groups.timestamp
    records["count"] = groups.count
    records["starts_interval"][breaks] = 1
    records["mean"] = groups.mean
    records["minimum"] = groups.minimum
    records["maximum"] = groups.maximum
    return encode(records)


def decode_summary(span: Span, layout: Layout) -> Summary | None:
    """Give the groups of a span, None when it has none.

    Raises ``StorageDamagedError`` when they are not what was stored.
    """
    if span.groups is None:
        return None
    with reported_as(f"decimated rows of {time_range(span.first, span.last)}"):
        records = decode(span.groups, _record(layout))
        if int(records["count"].sum()) != span.rows:
            raise StorageDamagedError("they do not stand for all rows")
    groups = Groups(
        records["timestamp"],
        records["mean"],
        records["minimum"],
        records["maximum"],
        records["count"],
    )
    return Summary(groups, np.flatnonzero(records["starts_interval"]))


@lru_cache(maxsize=256)
def _record(layout: Layout) -> np.dtype[Any]:
    value, width = layout.dtype["data"].base, (layout.width,)
    return np.dtype(
        [
            ("timestamp", "<i8"),
            ("count", "<i8"),
            ("starts_interval", "u1"),
            ("mean", "<f8", width),
            ("minimum", value, width),
            ("maximum", value, width),
        ]
    )
