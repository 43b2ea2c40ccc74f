"""The tail records: the rows behind the chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from joule.storage.embedded.records import decode_record
from joule.storage.embedded.tail_table import TailTable
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    import apsw

    from joule.storage.embedded.checking.catalog import Known
    from joule.storage.embedded.checking.findings import Report
    from joule.storage.embedded.stretch import Stretch
    from joule.storage.interfaces import StreamRef

PLACE: Final = "tail"


def check_tails(
    connection: apsw.Connection, known: Known, report: Report, last: dict[int, int]
) -> None:
    """Check all records; ``last`` has the last timestamp in the chunks of each stream."""
    floors: dict[int, int] = {}
    number = 0
    with report.guard(PLACE):
        floors = TailTable(connection).floors()
    with report.guard(PLACE):
        for number, data in connection.execute("SELECT number, data FROM tail ORDER BY number"):
            place = f"{PLACE} record {number}"
            with report.guard(place):
                entries = decode_record(data)
                if len({stream.id for stream, _ in entries}) != len(entries):
                    report.add(place, "has a stream twice")
                for stream, stretch in entries:
                    if floors.get(stream.id, 0) <= number:
                        _check_entry(stream, stretch, known, report, last)
    for stream_id, floor in floors.items():
        if number and floor > number + 1:
            name = known.name(Kind.DATA_STREAM, stream_id)
            report.add(name, f"counts rows from tail record {floor} on, the last is {number}")


def _check_entry(
    stream: StreamRef, stretch: Stretch, known: Known, report: Report, last: dict[int, int]
) -> None:
    name = known.name(Kind.DATA_STREAM, stream.id)
    if known.is_stray(Kind.DATA_STREAM, stream.id):
        report.add(name, "has rows in the tail and is not in the catalog")
    layout = known.layouts.get(stream.id, stream.layout)
    times = stretch.rows["timestamp"]
    if stream.layout != layout:
        report.add(name, f"has rows of {stream.layout} in the tail, it is {layout}")
    if not len(times):
        report.add(name, "has no rows in a tail record that names it")
        return
    if stream.id in last and times[0] <= last[stream.id]:
        report.add(name, "has rows in the tail from before the last ones", int(times[0]))
    doubtful = np.flatnonzero(times[1:] <= times[:-1])
    if len(doubtful):
        report.add(name, "has rows out of order in the tail", int(times[doubtful[0]]))
    breaks = stretch.breaks
    if (np.diff(breaks) <= 0).any() or (breaks >= len(times)).any():
        report.add(name, "has breaks in the tail that are not in order", int(times[0]))
    last[stream.id] = int(times[-1])
    report.totals.rows += len(times)
