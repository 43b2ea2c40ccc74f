"""The configuration files of a node, read at its start and whenever somebody asks for it.

What is wrong is logged, remembered and skipped: it changes nothing. A file that has become wrong
leaves what it described before as it was.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from joule.config.event_stream_conf import event_stream_from_conf
from joule.config.folder import Fault, read_folder
from joule.config.module_conf import module_with_fault
from joule.config.stream_conf import data_stream_from_conf
from joule.errors import JouleError, StorageError
from joule.models.modules import ConfigFault, ReloadReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joule.config.configured import ConfiguredStream
    from joule.config.main_conf import Folders
    from joule.config.module_conf import ModuleConf
    from joule.daemon.archive_files import ArchiveFiles
    from joule.models.streams import Stream, StreamKind
    from joule.node import Catalog
    from joule.storage.interfaces import DatabaseAccess
    from joule.supervisor import Supervisor

log = logging.getLogger(__name__)

T = TypeVar("T")


class ConfigFiles:
    """Brings the catalog and the supervisor into the state that the files describe."""

    def __init__(
        self, folders: Folders, catalog: Catalog, database: DatabaseAccess | None = None
    ) -> None:
        self._folders = folders
        self._catalog = catalog
        self._database = database
        self._supervisor: Supervisor | None = None
        self._archives: ArchiveFiles | None = None
        self._archive_faults: list[Fault] = []
        self._streams: dict[Path, Stream] = {}
        self._stream_faults: list[Fault] = []
        self._module_faults: list[Fault] = []
        self._modules: list[ModuleConf] = []
        self._one_at_a_time = asyncio.Lock()

    # ------------------------------------------------------------------ at the start

    async def load_streams(self) -> None:
        """Create or update the streams that have a file, data streams first."""
        before, self._streams, self._stream_faults = self._streams, {}, []
        await self._load(self._folders.data_streams, data_stream_from_conf, before)
        await self._load(self._folders.event_streams, event_stream_from_conf, before)
        self._catalog.forget_configured(but=self._streams.values())

    async def read_modules(self) -> list[ModuleConf]:
        """Read the modules in the order of their files' names, those with bad pipes included."""
        modules, faults = await _read(self._folders.modules, module_with_fault)
        self._modules, self._module_faults = modules, faults
        for conf in modules:
            if conf.db_schema is not None:
                await self._make_schema(conf.db_schema, conf.file)
        return modules

    async def load_archives(self, archives: ArchiveFiles) -> None:
        """Let importers and exporters do what their files say, now and after each reload."""
        self._archives = archives
        self._archive_faults = await archives.load()

    async def _make_schema(self, name: str, file: Path | None) -> None:
        """Make the schema that a module asks for; the module runs in any case."""
        if self._database is None:
            log.warning("[%s]: db_schema has no effect without PostgreSQL", file)
            return
        try:
            await self._database.make_schema(name)
        except StorageError as error:
            # The user's rights in the database, not ours.
            log.error("[%s]: cannot make the db_schema [%s]: %s", file, name, error)  # noqa: TRY400

    def serve(self, supervisor: Supervisor) -> None:
        """Let ``supervisor`` run the modules from now on."""
        self._supervisor = supervisor

    # ------------------------------------------------------------------ while the node runs

    def module_faults(self) -> list[ConfigFault]:
        """The module files that say nothing about a module in the list, and why."""
        faults = [ConfigFault(str(fault.file), fault.text) for fault in self._module_faults]
        for conf in self._modules:
            if conf.fault is not None and not self._is_followed(conf):
                faults.append(ConfigFault(str(conf.file), conf.fault))
        return sorted(faults, key=lambda fault: fault.file)

    async def reload(self) -> ReloadReport:
        """Read all files again and do what has changed; see :meth:`Supervisor.reload`."""
        async with self._one_at_a_time:
            await self.load_streams()
            if self._archives is not None:
                self._archive_faults = await self._archives.load()
            modules = await self.read_modules()
            assert self._supervisor is not None, "somebody runs the modules"
            kept = {fault.file for fault in self._module_faults}
            plan = await self._supervisor.reload(modules, kept)
            report = ReloadReport(plan.added, plan.changed, plan.removed, self._all_faults())
            _log_report(report)
            return report

    def _all_faults(self) -> tuple[ConfigFault, ...]:
        others = [*self._stream_faults, *self._archive_faults]
        faults = [ConfigFault(str(fault.file), fault.text) for fault in others]
        return (*faults, *self.module_faults())

    def _is_followed(self, conf: ModuleConf) -> bool:
        return self._supervisor is not None and self._supervisor.follows(conf)

    # ------------------------------------------------------------------ streams

    async def _load(
        self,
        folder: Path,
        parse: Callable[[str, Path], ConfiguredStream[StreamKind]],
        before: dict[Path, Stream],
    ) -> None:
        found, faults = await _read(folder, parse)
        for conf in found:
            assert conf.file is not None, "it was read from one"
            try:
                stream = await self._catalog.configure_stream(conf.stream, conf.folder)
            except JouleError as error:
                text = f"{error} [{conf.file}]"
                log.error("%s", text)  # noqa: TRY400 - the user's error, not ours
                faults.append(Fault(conf.file, text))
            else:
                self._streams[conf.file] = stream
        self._stream_faults += faults
        for fault in faults:
            if fault.file in before:
                self._streams[fault.file] = before[fault.file]


async def _read(folder: Path, parse: Callable[[str, Path], T]) -> tuple[list[T], list[Fault]]:
    values, faults = await asyncio.to_thread(read_folder, folder, parse)
    for fault in faults:
        log.error("%s", fault.text)
    return values, faults


def _log_report(report: ReloadReport) -> None:
    for change in ("added", "changed", "removed"):
        names = getattr(report, change)
        if names:
            log.info("Reload: %s modules %s", change, ", ".join(names))
    log.info("Configuration reloaded, %d files cannot be used", len(report.faults))
