"""From the folders of configuration files into the catalog: what is wrong is logged and skipped."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from joule.config.event_stream_conf import event_stream_from_conf
from joule.config.folder import conf_files, read_folder
from joule.config.module_conf import module_with_fault
from joule.config.stream_conf import data_stream_from_conf
from joule.errors import JouleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joule.config.configured import ConfiguredStream
    from joule.config.main_conf import Folders, MainConfig
    from joule.config.module_conf import ModuleConf
    from joule.models.streams import StreamKind
    from joule.node import Catalog

log = logging.getLogger(__name__)

T = TypeVar("T")


async def load_streams(catalog: Catalog, folders: Folders) -> None:
    """Create or update the streams that have a file, data streams first.

    A file that cannot be used, or that does not fit what is stored, is logged and changes nothing.
    """
    await catalog.begin_configuration()
    for data_stream in await _read(folders.data_streams, data_stream_from_conf):
        await _configure(catalog, data_stream)
    for event_stream in await _read(folders.event_streams, event_stream_from_conf):
        await _configure(catalog, event_stream)


async def load_modules(folders: Folders) -> list[ModuleConf]:
    """Read the modules in the order of their files' names, those with bad pipes included."""
    modules = await _read(folders.modules, module_with_fault)
    for conf in modules:
        if conf.db_schema is not None:
            log.warning("[%s]: db_schema has no effect without PostgreSQL", conf.file)
    return modules


def warn_unused(config: MainConfig) -> None:
    """Say which settings of a Joule 1.0 main file this version does not act on."""
    for folder in (config.folders.importers, config.folders.exporters):
        if conf_files(folder, []):
            log.warning("The files in [%s] are not used by this version", folder)


async def _read(folder: Path, parse: Callable[[str, Path], T]) -> list[T]:
    values, faults = await asyncio.to_thread(read_folder, folder, parse)
    for fault in faults:
        log.error("%s", fault.text)
    return values


async def _configure(catalog: Catalog, conf: ConfiguredStream[StreamKind]) -> None:
    try:
        await catalog.configure_stream(conf.stream, conf.folder)
    except JouleError as error:
        log.error("%s [%s]", error, conf.file)  # noqa: TRY400 - the user's error, not ours
