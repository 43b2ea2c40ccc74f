"""The archives of an exporter that were not delivered yet: files, and the record of them.

An archive is made in three steps: its file, durable; the record that it waits and how far the
exporter has come, in one write; then it is sent. So each row is in exactly one archive, whenever
the node dies. A file that is not in the record is the rest of the first step.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from joule.errors import StorageError
from joule.models.base import KEEP_ALL
from joule.node.archives.collecting import Collector
from joule.node.archives.files import in_thread, make_folder, numbered_paths, remove_all
from joule.node.archives.marks import Marks, Waiting
from joule.node.archives.writer import ArchiveWriter

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.exporter_conf import ExporterConf
    from joule.node.archives.marks import ExporterState
    from joule.node.local_node import LocalNode

logger = logging.getLogger(__name__)


class Outbox:
    """Makes the archives of one exporter in a folder of its own, and knows which wait there."""

    def __init__(
        self, node: LocalNode, conf: ExporterConf, folder: Path, state: ExporterState
    ) -> None:
        self.state = state
        self._node = node
        self._conf = conf
        self._folder = folder

    def path(self, waiting: Waiting) -> Path:
        """Give where the file of an archive is."""
        return self._folder / waiting.file

    async def tidy(self) -> None:
        """Remove files that nothing is known of."""
        await in_thread(_tidy, self._folder, self._known)

    async def fill(self, now_us: int) -> bool:
        """Make an archive of what is new, if anything is; say whether there is still more.

        The record is changed, and not saved.
        """
        await self._node.commit()  # what is sent is what is kept here
        file = await in_thread(_free_name, self._folder, now_us, self._known)
        since = self.state.marks
        until, has_more = await self._write(file, now_us, since)
        if until is None:
            return False
        targets = list(self._conf.targets)
        self.state.marks = until
        self.state.waiting.append(Waiting(file.name, now_us, targets, since, until))
        return has_more

    async def restore(self, waiting: Waiting) -> bool:
        """Make the file of an archive again if it is gone; say whether it is there."""
        file = self.path(waiting)
        if await in_thread(file.exists):
            return True
        name = self._conf.name
        logger.warning("exporter [%s]: [%s] is gone, making it again", name, file)
        await in_thread(make_folder, self._folder)
        until, _ = await self._write(file, waiting.created_us, waiting.since, waiting.until)
        if until is None:
            logger.warning("exporter [%s]: nothing of [%s] is stored any more", name, file)
        return until is not None

    def is_too_old(self, waiting: Waiting, now_us: int) -> bool:
        """Whether an archive has waited for so long that it is given up; this is said."""
        limit_us = self._conf.backlog_us
        if limit_us == KEEP_ALL or now_us - waiting.created_us < limit_us:
            return False
        logger.warning(
            "exporter [%s]: [%s] is given up, it could not be delivered within the backlog time",
            self._conf.name,
            waiting.file,
        )
        return True

    async def remove(self, waiting: Waiting) -> None:
        """Remove the file of an archive that is not in the record any more."""
        await in_thread(self.path(waiting).unlink, missing_ok=True)

    @property
    def _known(self) -> set[str]:
        return {each.file for each in self.state.waiting}

    async def _write(
        self, file: Path, created_us: int, since: Marks, until: Marks | None = None
    ) -> tuple[Marks | None, bool]:
        """Write an archive; gives how far it reaches, None when it would be empty, and if more is.

        Raises ``StorageError`` when there is no room for it.
        """
        marks = since.copy()
        archive = ArchiveWriter(file, self._conf.name, self._node.name, created_us)
        collector = Collector(self._node, archive, marks, until)
        try:
            await in_thread(archive.open)
            await collector.collect(self._conf)
            if archive.is_empty:
                await in_thread(archive.discard)
                return None, False
            await in_thread(archive.close)
        except OSError as error:
            await in_thread(archive.discard)
            raise StorageError(f"cannot write [{file}]: {error.strerror}") from error
        except BaseException:
            await in_thread(archive.discard)
            raise
        return marks, collector.has_more


def _free_name(folder: Path, now_us: int, known: set[str]) -> Path:
    """Name an archive after the local time; ``known`` ones of the same second may be gone."""
    make_folder(folder)
    stem = time.strftime("ww-data_%Y_%m_%d-%H-%M-%S", time.localtime(now_us // 1_000_000))
    paths = numbered_paths(folder / f"{stem}.zip")
    return next(path for path in paths if path.name not in known and not path.exists())


def _tidy(folder: Path, known: set[str]) -> None:
    remove_all(file for file in folder.glob("ww-data_*") if file.name not in known)
