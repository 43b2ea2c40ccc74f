"""The files of modules, streams, importers and exporters, as the node will read them."""

from __future__ import annotations

import os
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from joule.cli.doctor.finding import Finding, fine, note, wrong
from joule.config.event_stream_conf import event_stream_from_conf
from joule.config.exporter_conf import exporter_from_conf
from joule.config.folder import Fault, read_folder
from joule.config.importer_conf import importer_from_conf
from joule.config.module_conf import module_with_fault
from joule.config.stream_conf import data_stream_from_conf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.config.main_conf import Folders, MainConfig
    from joule.config.module_conf import ModuleConf

_ADVICE = "put it right, then joule admin reload"


def check_module_files(folders: Folders) -> Iterator[Finding]:
    """Read the module files; look for their programs and for streams with two producers."""
    modules, faults = read_folder(folders.modules, module_with_fault)
    found = [
        *_faults("modules", faults),
        *(wrong("modules", each.fault, _ADVICE) for each in modules if each.fault is not None),
        *_missing_programs(modules),
        *_twice("name", {str(each.file): [each.name] for each in modules}),
        *_twice("output", {str(each.file): _outputs(each) for each in modules}),
    ]
    yield from found or [fine("modules", f"{len(modules)} files in [{folders.modules}]")]


def check_stream_files(folders: Folders) -> Iterator[Finding]:
    """Read the files of data and event streams, and look for a path that two of them have."""
    data, faults = read_folder(folders.data_streams, data_stream_from_conf)
    events, event_faults = read_folder(folders.event_streams, event_stream_from_conf)
    paths = {str(each.file): [each.path] for each in data}
    paths |= {str(each.file): [each.path] for each in events}
    found = [*_faults("streams", [*faults, *event_faults]), *_twice("path", paths, "streams")]
    yield from found or [fine("streams", f"{len(paths)} files")]


def check_archive_files(config: MainConfig) -> Iterator[Finding]:
    """Read the files of importers and exporters; see whether exporters have a key for them."""
    folders = config.folders
    importers, faults = read_folder(folders.importers, importer_from_conf)
    exporters, more = read_folder(folders.exporters, exporter_from_conf)
    names = {str(each.file): [f"{each.name} {each.node or ''}".strip()] for each in importers}
    found = [
        *_faults("archives", [*faults, *more]),
        *_twice("name", names, "archives"),
        *_twice("name", {str(each.file): [each.name] for each in exporters}, "archives"),
    ]
    if importers and config.importer_key is None:
        text = "there are importers and no ImporterKey: only masters can send archives"
        found.append(note("archives", text, "set ImporterKey in the main file"))
    yield from found or [
        fine("archives", f"{len(importers)} importers, {len(exporters)} exporters")
    ]


def _faults(check: str, faults: list[Fault]) -> list[Finding]:
    return [wrong(check, fault.text, _ADVICE) for fault in faults]


def _outputs(module: ModuleConf) -> list[str]:
    return [f"{pipe.node or ''} {pipe.path}".strip() for pipe in module.outputs.values()]


def _missing_programs(modules: list[ModuleConf]) -> Iterator[Finding]:
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    for module in modules:
        program, *arguments = module.command
        if shutil.which(program, path=places) is None:
            text = f"[{module.file}]: there is no program [{program}] that may be run"
            yield wrong("modules", text, "correct exec_cmd, or chmod +x the program")
        for script in arguments:
            if script.startswith("/") and script.endswith(".py") and not Path(script).is_file():
                text = f"[{module.file}]: there is no file [{script}]"
                yield wrong("modules", text, "correct exec_cmd")


def _twice(what: str, owned: dict[str, list[str]], check: str = "modules") -> Iterator[Finding]:
    """Give a finding for each value that more than one owner has."""
    owners = defaultdict(list)
    for owner, values in owned.items():
        for value in values:
            owners[value].append(owner)
    for value, those in owners.items():
        if len(those) > 1:
            names = ", ".join(f"[{owner}]" for owner in those)
            yield wrong(check, f"{names} have the same {what} [{value}]", "change all but one")
