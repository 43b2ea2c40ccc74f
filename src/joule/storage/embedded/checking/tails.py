"""The tail records, the rows behind the chunks; and what was lost of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from joule.storage.embedded.damage import time_text
from joule.storage.embedded.records import decode_record
from joule.storage.embedded.tail_table import TailTable
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    import apsw

    from joule.storage.embedded.checking.catalog import Known
    from joule.storage.embedded.checking.findings import Report
    from joule.storage.embedded.records import Entry

PLACE: Final = "tail"

_QUARANTINE: Final = """
SELECT time, stream, reason, octet_length(data) FROM quarantine ORDER BY id
"""


def check_tails(
    connection: apsw.Connection, known: Known, report: Report, last: dict[int, int]
) -> None:
    """Check all records; ``last`` has the last timestamp in the chunks of each stream."""
    table = TailTable(connection)
    floors: dict[int, int] = {}
    number = 0
    with report.guard(PLACE):
        floors, damaged = table.floors()
        for text in damaged:
            report.add(PLACE, text)
    before: dict[int, int] = {}
    with report.guard(PLACE):
        for number, data in table.records():
            place = f"{PLACE} record {number}"
            with report.guard(place):
                entries = decode_record(number, data)
                if len({entry.stream.id for entry in entries}) != len(entries):
                    report.add(place, "has a stream twice")
                for entry in entries:
                    if floors.get(entry.stream.id, 0) <= number:
                        _check_entry(entry, known, report, last)
                        _check_count(entry, before, known, report)
    for stream_id, floor in floors.items():
        if number and floor > number + 1:
            name = known.name(Kind.DATA_STREAM, stream_id)
            report.add(name, f"counts rows from tail record {floor} on, the last is {number}")


def _check_count(entry: Entry, before: dict[int, int], known: Known, report: Report) -> None:
    """Compare the count of earlier rows of an entry with the entries there were."""
    stream, stretch, count = entry
    counted = before.get(stream.id, 0)
    if count != counted:
        name = known.name(Kind.DATA_STREAM, stream.id)
        text = f"has {counted} rows in the tail before this time instead of {count}"
        report.add(name, text, stretch.first)
    before[stream.id] = (count or 0) + len(stretch)


def check_quarantine(connection: apsw.Connection, known: Known, report: Report) -> None:
    """Report what was lost some time and put aside."""
    with report.guard("quarantine"):
        for time, stream, reason, size in connection.execute(_QUARANTINE):
            place = "tail" if stream is None else known.name(Kind.DATA_STREAM, stream)
            kept = f" ({size} bytes of it are kept in the table quarantine)" if size else ""
            report.add(place, f"damage found on {time_text(time)}: {reason}{kept}")


def _check_entry(entry: Entry, known: Known, report: Report, last: dict[int, int]) -> None:
    stream, stretch, _ = entry
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
