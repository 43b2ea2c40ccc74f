"""When the write-ahead log is written back to the file, and when it gives up its room.

A log in use keeps its room: one that grows anew costs the device a third more, and pages that
change often are written back less often. Writing it back may take as much room in the file as it
has itself, so where the device fills up that is done early, while there is room for it.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import apsw

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

CHECKPOINT_PAGES: Final = 3072
WAIT_PAGES: Final = 4 * CHECKPOINT_PAGES
"""From here on the readers of the moment are waited for: where there is always one, the log would
never be used from its beginning again, however much of it is written back."""
PAGE_BYTES: Final = 4096
REST_S: Final = 2.0
REST_BYTES: Final = 1 << 20
"""So long after the last transaction, a log longer than that gives up its room."""
FREE_SHARE: Final = 2
"""The log is never longer than the free room of the device divided by this."""


class WriteAheadLog:
    """The log of the connection that writes; for the thread of that connection alone.

    ``is_long`` says that it is time to write it back.
    """

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._pages = 0
        self._waits_at = WAIT_PAGES
        self._is_used = False
        self._fails = False
        self.is_long = False
        connection.set_wal_hook(self._note)

    def _note(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        if pages < self._pages:  # it has begun anew
            self._waits_at = WAIT_PAGES
        self._pages = pages
        self._is_used = True
        return apsw.SQLITE_OK

    def measure(self) -> None:
        """Find out whether it is long; after each transaction, and after one that failed."""
        self.is_long = self._pages >= CHECKPOINT_PAGES or self._fills_up()

    def _fills_up(self) -> bool:
        try:
            device = os.statvfs(self._path)
        except OSError:  # nobody knows
            return False
        return self._pages * PAGE_BYTES * FREE_SHARE >= device.f_bavail * device.f_frsize

    def write_back(self) -> None:
        """Write it back, and give up its room when there is little left on the device.

        SQLite would do so by itself, and keep to itself when it fails. What is in the log is
        durable, so a failure takes nothing away: after the next transaction it is tried again, and
        until then the log grows.
        """
        try:
            if self._fills_up():
                self.empty()
            elif self._pages >= self._waits_at:
                # Who reads for very long, a backup say, is waited for a few times only.
                self._waits_at = 2 * self._pages
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
            else:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return
        except apsw.Error as error:
            if not self._fails:
                _log.error("%s: the write-ahead log cannot be written back: %s", self._path, error)
            self._fails = True
        else:
            self._fails = False

    def empty(self) -> None:
        """Write it back and shorten it to nothing; ``apsw.BusyError`` when somebody reads it.

        A reader, a backup say, may be at work for long: nobody waits, the next time then.
        """
        timeout = self._connection.pragma("busy_timeout")
        self._connection.set_busy_timeout(0)
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            self._connection.set_busy_timeout(timeout)

    def was_quiet(self) -> bool:
        """Whether nothing was written since the last call."""
        is_used, self._is_used = self._is_used, False
        return not is_used

    @property
    def is_worth_emptying(self) -> bool:
        """Whether it takes more room than a small file does."""
        return self._room_bytes() > REST_BYTES

    def rest(self) -> None:
        """Give up its room when nobody reads it, now that nobody writes."""
        with suppress(apsw.Error):  # it stays as it is, and the upkeep tries again
            self.empty()

    def _room_bytes(self) -> int:
        try:
            return os.stat(f"{self._path}-wal").st_size
        except OSError:  # there is none yet
            return 0
