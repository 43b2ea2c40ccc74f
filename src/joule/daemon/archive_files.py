"""The files of importers and exporters, read at the start and whenever somebody asks for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from joule.config.exporter_conf import ExporterConf, exporter_from_conf
from joule.config.folder import Fault, read_folder
from joule.config.importer_conf import ImporterConf, importer_from_conf

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from joule.config.main_conf import Folders
    from joule.node.archives import Exporters, Importers

log = logging.getLogger(__name__)

Conf = TypeVar("Conf", ImporterConf, ExporterConf)


class ArchiveFiles:
    """Lets importers and exporters do what their files say."""

    def __init__(self, folders: Folders, importers: Importers, exporters: Exporters) -> None:
        self._folders = folders
        self._importers = importers
        self._exporters = exporters
        self._imports: list[ImporterConf] = []
        self._exports: list[ExporterConf] = []

    async def load(self) -> list[Fault]:
        """Read the files and give the faults, which are logged.

        Importers and exporters whose files have become wrong go on as they were.
        """
        folders = self._folders
        self._imports, faults = _unique(
            *await _read(folders.importers, importer_from_conf, self._imports),
            "importer",
            lambda conf: (conf.node, conf.name),
        )
        self._exports, more = _unique(
            *await _read(folders.exporters, exporter_from_conf, self._exports),
            "exporter",
            lambda conf: conf.name,
        )
        self._importers.use(self._imports)
        self._exporters.use(self._exports)
        for conf in self._exports:
            if conf.has_modules:
                log.warning("[%s]: modules are not exported", conf.file)
        for fault in (*faults, *more):
            log.error("%s", fault.text)
        return [*faults, *more]


async def _read(
    folder: Path, parse: Callable[[str, Path], Conf], before: list[Conf]
) -> tuple[list[Conf], list[Fault]]:
    found, faults = await asyncio.to_thread(read_folder, folder, parse)
    wrong = {fault.file for fault in faults}
    kept = [conf for conf in before if conf.file in wrong]
    return kept + found, faults


def _unique(
    confs: list[Conf], faults: list[Fault], noun: str, name: Callable[[Conf], Hashable]
) -> tuple[list[Conf], list[Fault]]:
    """Leave out those that have the name of one before."""
    kept: dict[Hashable, Conf] = {}
    for conf in confs:
        other = kept.setdefault(name(conf), conf)
        if other is not conf and conf.file is not None:
            text = f"Invalid {noun} [{conf.file}]: [{other.file}] has the same name [{conf.name}]"
            faults.append(Fault(conf.file, text))
    return list(kept.values()), faults
