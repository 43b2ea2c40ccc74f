"""The importers of a node: which takes an archive that came, and that it comes in safely.

An archive is written to a file of its own, looked through as a whole, and only then imported. The
file is gone afterwards, whatever happened; who sent it keeps it until it is answered.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from joule.errors import StorageError, StorageFullError
from joule.node.archives.files import free_path, in_thread, make_folder, remove_all
from joule.node.archives.importer import Import, stepped
from joule.node.archives.reader import ArchiveReader
from joule.utilities import ImportLogger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from io import FileIO
    from pathlib import Path

    from joule.config.importer_conf import ImporterConf
    from joule.node.local_node import LocalNode

logger = logging.getLogger(__name__)

_PART = ".zip.part"


class Importers:
    """Imports archives one at a time; ``folder`` is for them while they are at work."""

    def __init__(self, node: LocalNode, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._confs: dict[tuple[str | None, str], ImporterConf] = {}
        self._one_at_a_time = asyncio.Lock()

    def use(self, confs: Sequence[ImporterConf]) -> None:
        """Import by these from now on, of different nodes or names."""
        self._confs = {(conf.node, conf.name): conf for conf in confs}

    def tidy(self) -> None:
        """Remove what a killed node left of archives that were coming in (blocking)."""
        remove_all(self._folder.glob(f"*{_PART}"))

    async def take(self, pieces: AsyncIterator[bytes]) -> ImportLogger:
        """Take an archive as it comes, import it and say what became of it; durable on return.

        Raises :exc:`ArchiveError` for what is none, or damaged: then nothing is changed. Raises
        ``StorageError`` when it cannot be stored now; whoever sends it again loses nothing.
        """
        async with self._received(pieces) as file, self._one_at_a_time:
            archive = ArchiveReader(file)
            try:
                await in_thread(archive.open)
                async for _ in stepped(archive.checks()):
                    pass
                return await self._import(archive)
            finally:
                await in_thread(archive.close)

    @asynccontextmanager
    async def _received(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[Path]:
        """Write what comes to a file that is there while the block runs."""
        await in_thread(make_folder, self._folder)
        stamp = datetime.now().strftime("%Y%m%d%H%M%S%f")
        file = free_path(self._folder / f"{stamp}{_PART}")
        try:
            with await in_thread(_opened, file) as sink:
                async for piece in pieces:
                    await in_thread(_write, sink, piece)
            yield file
        finally:
            await in_thread(file.unlink, missing_ok=True)

    async def _import(self, archive: ArchiveReader) -> ImportLogger:
        report = ImportLogger()
        conf = self._confs.get((archive.node, archive.name)) or self._confs.get(
            (None, archive.name)
        )
        if conf is None:
            report.error(
                f"No importer defined for archive [{archive.name}] from node [{archive.node}]"
            )
        else:
            await Import(self._node, conf, report).run(archive)
        for message in (*report.warning_messages, *report.error_messages):
            logger.warning("archive [%s] from [%s]: %s", archive.name, archive.node, message)
        return report


def _opened(file: Path) -> FileIO:
    try:
        return file.open("xb", buffering=0)
    except OSError as error:
        raise StorageError(f"cannot write [{file}]: {error.strerror}") from error


def _write(sink: FileIO, piece: bytes) -> None:
    rest = memoryview(piece)
    try:
        while rest:
            rest = rest[sink.write(rest) :]
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        kind = StorageFullError if is_full else StorageError
        raise kind(f"cannot write [{sink.name}]: {error.strerror}") from error
