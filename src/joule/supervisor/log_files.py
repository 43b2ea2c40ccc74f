"""Module logs on disk: what was printed last is still there after the node was restarted.

Each log is two files, ``NAME.log`` and, older, ``NAME.log.old``. Lines are only ever appended to
the first; when it holds as many as are kept, it takes the place of the second. So a disk holds at
most twice the lines that are kept, nothing is written twice, and whatever ends the machine damages
no more than the last lines. Nothing is synced: lines of the last seconds are not worth the wear.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from joule.supervisor.log import ModuleLog

log = logging.getLogger(__name__)

WRITE_PERIOD_S = 1.0

KEPT_S = 30 * 24 * 3600.0
"""How long the log of a module that there is no more stays, from its last line on."""


class LogFile:
    """The files of one log; blocking. Keeps at least ``lines_max`` lines, if there were as many."""

    def __init__(self, path: Path, lines_max: int) -> None:
        self.name = path.name
        self._path = path
        self._older = path.with_name(f"{path.name}.old")
        self._lines_max = lines_max
        self._count = 0
        self._is_torn = False

    def read(self) -> list[str]:
        """Give the last lines, oldest first; a file that cannot be read holds none."""
        older, newer = _text(self._older), _text(self._path)
        self._is_torn = bool(newer) and not newer.endswith("\n")
        self._count = len(_lines(newer))
        return (_lines(older) + _lines(newer))[-self._lines_max :]

    def append(self, lines: list[str]) -> None:
        """Add lines at the end; raises ``OSError``."""
        while lines:
            if self._count >= self._lines_max:
                self._rotate()
            room = self._lines_max - self._count
            self._write(lines[:room])
            lines = lines[room:]

    def _rotate(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path.replace(self._older)
        self._count, self._is_torn = 0, False

    def _write(self, lines: list[str]) -> None:
        start = "\n" if self._is_torn else ""
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(start + "".join(f"{line}\n" for line in lines))
        self._count += len(lines)
        self._is_torn = False


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


class LogKeeper:
    """Writes the logs of all modules to a folder, at most once a second."""

    def __init__(self, folder: Path, lines_max: int) -> None:
        self._folder = folder
        self._lines_max = lines_max
        self._files: dict[ModuleLog, tuple[LogFile, int]] = {}
        self._news = asyncio.Event()
        self._is_failing = False

    async def keep(self, name: str, module_log: ModuleLog) -> None:
        """Put the stored lines of this name before those of a log, and store what it gets."""
        file = LogFile(self._folder / f"{name}.log", self._lines_max)
        module_log.restore(await asyncio.to_thread(file.read))
        self._files[module_log] = (file, module_log.count)
        module_log.tell(self._news.set)

    async def forget(self, module_log: ModuleLog) -> None:
        """Store what there is of a log and no more; its files stay."""
        await self.write()
        self._files.pop(module_log, None)

    async def tidy(self) -> None:
        """Remove the files of logs that are not kept and have had no new line for a month."""
        kept = {file.name for file, _ in self._files.values()}
        await asyncio.to_thread(_remove_old, self._folder, kept, time.time() - KEPT_S)

    async def run(self) -> None:
        """Store what comes until cancelled, and then the rest."""
        try:
            while True:
                await self._news.wait()
                await asyncio.sleep(WRITE_PERIOD_S)
                await self.write()
        finally:
            await self.write()

    async def write(self) -> None:
        """Store the lines that are not stored yet."""
        self._news.clear()
        waiting = []
        for module_log, (file, stored) in self._files.items():
            if module_log.count > stored:
                waiting.append((file, module_log.lines_since(stored)))
                self._files[module_log] = (file, module_log.count)
        if waiting:
            fault = await asyncio.to_thread(_append_all, self._folder, waiting)
            self._note(fault)

    def _note(self, fault: OSError | None) -> None:
        if fault is not None and not self._is_failing:
            log.warning("Cannot store the logs of the modules: %s", fault)
        self._is_failing = fault is not None


def _remove_old(folder: Path, kept: Collection[str], before: float) -> None:
    """Remove log files last written before a UNIX time, but for logs of these names."""
    for path in [*folder.glob("*.log"), *folder.glob("*.log.old")]:
        with contextlib.suppress(OSError):
            if path.name.removesuffix(".old") not in kept and path.stat().st_mtime < before:
                path.unlink()


def _append_all(folder: Path, waiting: Iterable[tuple[LogFile, list[str]]]) -> OSError | None:
    """Write what is waiting and give the last error; lines that cannot be stored are dropped."""
    fault = None
    for file, lines in waiting:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            file.append(lines)
        except OSError as error:
            fault = error
    return fault
