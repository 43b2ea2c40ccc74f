"""The events: contents that can be read, the columns derived from them, and the totals."""

from __future__ import annotations

import json
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from joule.storage.embedded.event_sums import event_sums
from joule.storage.embedded.event_table import reach_of
from joule.storage.embedded.row_sums import number_sum
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

    from joule.storage.embedded.checking.catalog import Known
    from joule.storage.embedded.checking.findings import Report

PLACE: Final = "events"

_EVENTS: Final = """
SELECT stream, start, id, "end", reach, content, octet_length(content), sum FROM event
ORDER BY stream, start, id
"""
_TOTALS: Final = "SELECT stream, next_id, events, content_bytes, sum FROM event_total"


def check_events(connection: apsw.Connection, known: Known, report: Report) -> None:
    """Check all events of all streams."""
    totals: dict[int, Any] = {}
    with report.guard(PLACE):
        for *row, checksum in connection.execute(_TOTALS):
            totals[row[0]] = tuple(row[1:])
            if checksum != number_sum(*row):
                name = known.name(Kind.EVENT_STREAM, row[0])
                report.add(name, "has totals that do not match their checksum")
    with report.guard(PLACE):
        for stream, rows in groupby(connection.execute(_EVENTS), key=itemgetter(0)):
            name = known.name(Kind.EVENT_STREAM, stream)
            if known.is_stray(Kind.EVENT_STREAM, stream):
                report.add(name, "has events and is not in the catalog")
            _check_stream(name, rows, totals.pop(stream, (1, 0, 0)), report)
        for stream, (_, events, size) in totals.items():
            if events or size:
                name = known.name(Kind.EVENT_STREAM, stream)
                report.add(name, f"has no events instead of {events}")


def _check_stream(
    name: str, rows: Iterable[Any], total: tuple[int, int, int], report: Report
) -> None:
    count, size, highest = 0, 0, 0
    for stream, start, id_, end, reach, content, length, checksum in rows:
        count, size, highest = count + 1, size + length, max(highest, id_)
        with report.guard(name, start):
            if reach != reach_of(start, end):
                report.add(name, f"event {id_} has the reach {reach}", start)
            if [checksum] != event_sums([stream], [start], [id_], [end], [content.encode()]):
                report.add(name, f"event {id_} does not match its checksum", start)
            if not isinstance(json.loads(content), dict):
                report.add(name, f"event {id_} has a content that is no object", start)
    next_id, events, content_bytes = total
    if (count, size) != (events, content_bytes):
        report.add(
            name,
            f"has {count} events of {size} bytes, counted were {events} of {content_bytes}",
        )
    if next_id <= highest:
        report.add(name, f"event ids begin again at {next_id}")
    report.totals.events += count
