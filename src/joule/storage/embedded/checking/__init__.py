"""Whether everything in a store is as it must be.

The check goes through one snapshot of the file: SQLite's own structures, the catalog and its
references, every chunk with its rows, breaks and groups, the tail, the events. It needs the memory
of one chunk, changes nothing, and goes on behind whatever it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.errors import StorageFormatError
from joule.storage.embedded.checking.catalog import check_catalog
from joule.storage.embedded.checking.chunks import check_chunks, total_bytes
from joule.storage.embedded.checking.events import check_events
from joule.storage.embedded.checking.findings import Finding, Report, Totals
from joule.storage.embedded.checking.spans import check_spans
from joule.storage.embedded.checking.tails import check_quarantine, check_tails
from joule.storage.embedded.database import FORMAT_VERSION
from joule.storage.embedded.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import apsw

    Progress = Callable[[int, int], None]

__all__ = ["Finding", "Totals", "check_store", "is_older"]

FILE_FINDINGS_MAX = 100


def check_store(
    path: Path,
    found: Callable[[Finding], None],
    progress: Progress = lambda _done, _all: None,
) -> Totals:
    """Check a store, used by a node or not, and give what was looked at.

    ``found`` is called with each finding, ``progress`` with the bytes of rows that are done and
    that there are. Raises ``StorageError`` when there is no such file and ``StorageFormatError``
    when it is not a store, or of another format than the one of this version.
    """
    with snapshot(path) as connection:
        if _is_older(connection):
            version = connection.pragma("user_version")
            raise StorageFormatError(
                f"{path} has the older storage format {version}: let jouled start with it once"
            )
        report = Report(found)
        _check_file(connection, report)
        report.progress = _progress(total_bytes(connection, report), progress)
        known = check_catalog(connection, report)
        last = check_chunks(connection, known, report)
        check_spans(connection, known, report)
        check_tails(connection, known, report, last)
        check_events(connection, known, report)
        check_quarantine(connection, known, report)
        report.totals.data_streams = len(known.layouts)
        report.totals.event_streams = len(known.paths) - len(known.layouts)
        return report.totals


def is_older(path: Path) -> bool:
    """Whether a store has to be brought to the format of this version, or all of the way."""
    with snapshot(path) as connection:
        return _is_older(connection)


def _is_older(connection: apsw.Connection) -> bool:
    under_way = "SELECT count(*) FROM sqlite_schema WHERE name = 'upgrade'"
    older = connection.pragma("user_version") < FORMAT_VERSION
    return older or bool(connection.execute(under_way).get)


def _check_file(connection: apsw.Connection, report: Report) -> None:
    with report.guard("file"):
        for (line,) in connection.execute(f"PRAGMA integrity_check({FILE_FINDINGS_MAX})"):
            if line != "ok":
                report.add("file", str(line))


def _progress(total: int, progress: Progress) -> Callable[[int], None]:
    done = 0

    def step(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    return step
