"""The one SQLite file of the embedded engine, and the threads that may touch it.

One thread writes and checkpoints, a few threads read through read-only connections, and but for
``snapshot.py`` no other file of this package opens a connection. The file belongs to one process
at a time. What is stored in it is the business of the callers; this file knows transactions,
durability and errors.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import apsw

from joule.errors import StorageDamagedError, StorageError, StorageFormatError
from joule.storage.embedded.file_lock import FileLock
from joule.storage.embedded.private_file import open_private
from joule.storage.embedded.sqlite_errors import translated
from joule.storage.embedded.upgrades import STEPS, advance
from joule.storage.embedded.write_ahead_log import REST_S, WriteAheadLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")

_log = logging.getLogger(__name__)

FORMAT_VERSION: Final = 3
"""Kept in ``PRAGMA user_version``; ``docs/storage-format.md`` describes what it stands for."""

APPLICATION_ID: Final = 0x4A4F554C
"""``JOUL``, kept in ``PRAGMA application_id``: tells our files from other SQLite databases."""

READERS: Final = 3
WAL_BYTES_MAX: Final = 16 << 20
FREE_PAGES_KEPT: Final = 1024
BUSY_TIMEOUT_MS: Final = 1000
VACUUM_PAGES: Final = 2048

UPGRADE_FAILED: Final = (
    "{error}; so it cannot be upgraded to storage format {format}: bring a backup back with joule "
    "admin restore"
)

# EXTRA is FULL, and also syncs the folder when the journal of the very first transactions goes:
# come back after a power cut, it would undo pages of later ones.
_WRITER_PRAGMAS: Final = f"""
    PRAGMA synchronous = EXTRA;
    PRAGMA secure_delete = OFF;
    PRAGMA cache_size = -8192;
    PRAGMA cache_spill = OFF;
    PRAGMA journal_size_limit = {WAL_BYTES_MAX};
"""


class Database:
    """An SQLite file used by this process alone; an async context manager.

    ``schemas`` are idempotent SQL scripts run when the file is opened. ``vfs`` names an SQLite
    file layer, for tests that make writes fail. Entering raises ``StorageError`` when another
    process uses the file, ``StorageFormatError`` when it is not ours or newer than this version.
    """

    def __init__(self, path: Path, schemas: Sequence[str] = (), *, vfs: str | None = None) -> None:
        self.path = path
        self._schemas = schemas
        self._vfs = vfs
        self._lock = FileLock(path)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._connection: apsw.Connection | None = None
        self._wal: WriteAheadLog | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._reading = threading.local()
        self._read_connections: list[apsw.Connection] = []
        self._closed = False

    async def __aenter__(self) -> Database:
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._open)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was begun, checkpoint and release the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._put_off_rest()
        # Threads that are done with their queue end at once; a cancelled caller must not leave
        # the file half closed, so this small wait is not handed back to the event loop.
        self._readers.shutdown(wait=True)
        closing = self._writer.submit(self._close)
        self._writer.shutdown(wait=True)
        closing.result()

    async def write(
        self, work: Callable[[apsw.Connection], T], done: Callable[[T], None] | None = None
    ) -> T:
        """Run ``work`` on the writer thread in one transaction, durable on return.

        When ``work`` or the commit raises, nothing is changed. ``done`` is called with the result
        on the writer thread once the transaction is durable and before the next one begins, also
        when the caller was cancelled meanwhile.
        """
        self._put_off_rest()
        try:
            return await self._submit(self._writer, lambda: self._write(work, done))
        finally:
            if self._wal is not None and not self._closed:
                if self._wal.is_long:
                    # Nobody waits for it but the next transaction.
                    self._writer.submit(self._wal.write_back)
                self._put_off_rest(self._wal)

    async def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run ``work`` on a reader thread, on one consistent state of the file.

        The connection is read-only. ``work`` should return within milliseconds: what is long is
        read in steps, so that no transaction holds back the write-ahead log.
        """
        return await self.begin_read(work)

    def begin_read(self, work: Callable[[apsw.Connection], T]) -> asyncio.Future[T]:
        """Begin a :meth:`read` whose result is awaited later; cancelling it drops the result."""
        return self._submit(self._readers, lambda: self._read(work))

    async def maintain(self) -> None:
        """Give back a bounded number of free pages and, when all is quiet, the room of the log."""
        await self._submit(self._writer, self._maintain)

    @property
    def size_bytes(self) -> int:
        """Room taken on disk by the file and its write-ahead log."""
        return sum(
            file.stat().st_size
            for file in (self.path, self.path.with_name(self.path.name + "-wal"))
            if file.exists()
        )

    def _put_off_rest(self, wal: WriteAheadLog | None = None) -> None:
        """Cancel what is done when all is quiet; with a log, do it a while from now."""
        if self._rest is not None:
            self._rest.cancel()
        self._rest = None
        if wal is not None and wal.is_worth_emptying:
            loop = asyncio.get_running_loop()
            self._rest = loop.call_later(REST_S, self._writer.submit, wal.rest)

    def _submit(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._closed:
            raise StorageError(f"{self.path} is closed")
        return asyncio.get_running_loop().run_in_executor(threads, work)

    # ------------------------------------------------------------------ on the writer thread

    def _open(self) -> None:
        self._lock.acquire()
        _create(self.path)
        with translated(self.path):
            self._connection = self._connect(apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
            _prepare(self._connection, self.path)
            self._wal = WriteAheadLog(self._connection, self.path)
            self._upgrade()
        self._write(self._create_tables, None)

    def _upgrade(self) -> None:
        """Bring a file of an older format up to date, part by part."""
        try:
            while (number := self._write(lambda c: advance(c, STEPS), None)) is not None:
                _log.info("%s: upgrading to storage format %d", self.path, number)
                if self._wal is not None and self._wal.is_long:
                    self._wal.write_back()
        except StorageDamagedError as error:
            text = UPGRADE_FAILED.format(error=error, format=FORMAT_VERSION)
            raise StorageDamagedError(text) from error

    def _create_tables(self, connection: apsw.Connection) -> None:
        for schema in self._schemas:
            connection.execute(schema)

    def _close(self) -> None:
        for connection in self._read_connections:
            connection.close()
        try:
            if self._connection is not None:
                with translated(self.path):
                    self._connection.close()
        finally:
            self._lock.release()

    def _write(self, work: Callable[[apsw.Connection], T], done: Callable[[T], None] | None) -> T:
        connection, wal = self._connection, self._wal
        assert connection is not None
        assert wal is not None
        with translated(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise
            finally:
                wal.measure()
        if done is not None:
            done(result)
        return result

    def _maintain(self) -> None:
        connection, wal = self._connection, self._wal
        assert connection is not None
        assert wal is not None
        with translated(self.path):
            spare = connection.pragma("freelist_count") - FREE_PAGES_KEPT
            frees = spare > connection.pragma("page_count") // 8
            if frees:
                connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
            if wal.was_quiet() or frees:  # the file has its new size only then
                with suppress(apsw.BusyError):
                    wal.empty()

    # ------------------------------------------------------------------ on a reader thread

    def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        with translated(self.path):
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                _roll_back(connection)

    def _reader(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._reading, "connection", None)
        if connection is None:
            connection = self._connect(apsw.SQLITE_OPEN_READONLY)
            self._reading.connection = connection
            self._read_connections.append(connection)
        return connection

    def _connect(self, flags: int) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=flags, vfs=self._vfs)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        return connection


def _create(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one already."""
    try:
        os.close(open_private(path))
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from error


def _prepare(connection: apsw.Connection, path: Path) -> None:
    """Check that the file is ours and of a version we read, and set it up when it is new."""
    if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None:
        connection.execute("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL")
        version = FORMAT_VERSION
    else:
        refuse_foreign(connection, path)
        version = connection.pragma("user_version")
    # Without fetching, a script stops at its first statement that gives a row.
    connection.execute(_WRITER_PRAGMAS).fetchall()
    connection.pragma("journal_mode", "WAL")
    connection.execute(
        f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {version}; COMMIT"
    )


def refuse_foreign(connection: apsw.Connection, path: Path) -> None:
    """Raise ``StorageFormatError`` when a file is not ours, or newer than this version."""
    version = connection.pragma("user_version")
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StorageFormatError(f"{path} is not a Joule store")
    if version < 1:
        raise StorageFormatError(f"{path} has the storage format {version}: there never was one")
    if version > FORMAT_VERSION:
        raise StorageFormatError(
            f"{path} has storage format {version}, this version of Joule reads formats up to "
            f"{FORMAT_VERSION}: install a newer one"
        )


def _roll_back(connection: apsw.Connection) -> None:
    if connection.in_transaction:  # SQLite has already rolled back after some errors
        connection.execute("ROLLBACK")
