"""Archives on their way out: to the node that imports them, or into a folder."""

from __future__ import annotations

import asyncio
import filecmp
import logging
import os
import platform
import shutil
from hashlib import sha256
from typing import TYPE_CHECKING

from joule.api import TcpNode
from joule.errors import ApiError, JouleError
from joule.node.archives.files import free_path, in_thread, sync, taken_paths
from joule.utilities.addresses import without_password
from joule.utilities.archive_tools import NOT_IMPORTED

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.exporter_conf import ExporterConf

logger = logging.getLogger(__name__)

_ANSWER_S = 600.0
_SLOWEST_BYTES_S = 10_000
"""A node that takes longer than this is taken for lost."""


class DeliveryError(JouleError):
    """An archive was not delivered; ``is_refused`` says that it was this one's fault."""

    def __init__(self, text: str, *, is_refused: bool = False) -> None:
        super().__init__(text)
        self.is_refused = is_refused


async def deliver(conf: ExporterConf, target: str, file: Path, cafile: str) -> None:
    """Bring an archive to one of the targets of its exporter; raises :exc:`DeliveryError`."""
    if target == "node" and conf.url is not None:
        await _upload(conf.url, conf.key, file, cafile)
    elif conf.folder is not None:
        await _copy(file, conf.folder)


async def _upload(url: str, key: str, file: Path, cafile: str) -> None:
    size = (await asyncio.to_thread(file.stat)).st_size
    shown = without_password(url)
    try:
        async with (
            TcpNode("importer", url, key, cafile) as node,
            asyncio.timeout(_ANSWER_S + size / _SLOWEST_BYTES_S),
        ):
            report = await node.archive_upload(file)
    except ApiError as error:
        raise DeliveryError(str(error), is_refused=error.status == 400) from error
    except (JouleError, TimeoutError) as error:
        raise DeliveryError(f"node at [{shown}]: {error or 'no answer'}") from error
    for message in (*report.warning_messages, *report.error_messages):
        logger.warning("[%s] at [%s]: %s", file.name, shown, message)
    for fault in report.error_messages:
        is_whole = fault.source_label is None  # not about one stream: nothing of it was taken
        if is_whole or fault.message.startswith(NOT_IMPORTED):
            raise DeliveryError(fault.message, is_refused=True)


async def _copy(file: Path, folder: Path) -> None:
    try:
        await in_thread(_copy_file, file, folder)
    except OSError as error:
        raise DeliveryError(f"cannot copy to [{folder}]: {error.strerror}") from error


def _copy_file(file: Path, folder: Path) -> None:
    """Copy a file so that it is there whole or not at all, and once only.

    Others, also on other machines, may copy files of the same name to the same folder meanwhile.
    """
    whose = sha256(f"{platform.node()}:{file.parent.absolute()}".encode()).hexdigest()[:16]
    partial = folder / f".{whose}.part"
    if any(filecmp.cmp(file, there, shallow=False) for there in taken_paths(folder / file.name)):
        return
    try:
        with file.open("rb") as source, partial.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        _name(partial, folder / file.name)
    finally:
        partial.unlink(missing_ok=True)
    sync(folder)


def _name(partial: Path, wanted: Path) -> None:
    """Give a file the name, or one with a number in it, that it is the first to take."""
    while True:
        place = free_path(wanted)
        try:
            place.touch(exist_ok=False)
        except FileExistsError:
            continue
        try:
            partial.replace(place)
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        return
