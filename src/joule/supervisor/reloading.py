"""What a new reading of the module files changes; pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from joule.config.module_conf import ModuleConf


@dataclass(frozen=True, slots=True)
class Plan:
    """How to get from the modules there are to those there should be.

    ``added``, ``changed`` and ``removed`` are names; ``leaving`` and ``order`` are keys, ``coming``
    what takes their place. Modules that had failed to load leave and come unless their files are
    gone, whether changed or not.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    leaving: tuple[str, ...]
    coming: tuple[ModuleConf, ...]
    order: tuple[str, ...]


def file_key(conf: ModuleConf) -> str:
    """What makes a module the same one after its file was changed: the file."""
    return conf.name if conf.file is None else str(conf.file)


def plan_reload(
    present: Sequence[ModuleConf],
    read: Sequence[ModuleConf],
    kept: Collection[Path] = (),
    failed: Collection[str] = (),
) -> Plan:
    """Compare the modules there are with those that were read.

    ``kept`` are files that cannot be understood now: what they said before goes on, and so does
    a module that was fine and whose file has a fault now. ``failed`` are the keys of modules that
    failed to load.
    """
    old = {file_key(conf): conf for conf in present}
    new = _wanted(old, read, kept)
    changed = [key for key in new if key in old and new[key] != old[key]]
    added = [key for key in new if key not in old]
    removed = [key for key in old if key not in new]
    renewed = [key for key in new if key in changed or key in added or key in failed]
    return Plan(
        added=_names(new, added),
        changed=_names(new, changed),
        removed=_names(old, removed),
        leaving=tuple(key for key in old if key in removed or key in renewed),
        coming=tuple(new[key] for key in renewed),
        order=tuple(new),
    )


def _wanted(
    old: Mapping[str, ModuleConf], read: Sequence[ModuleConf], kept: Collection[Path]
) -> dict[str, ModuleConf]:
    wanted = {key: conf for key, conf in old.items() if conf.file in kept}
    for conf in read:
        key = file_key(conf)
        before = old.get(key)
        is_worse = conf.fault is not None and before is not None and before.fault is None
        wanted[key] = before if is_worse and before is not None else conf
    return dict(sorted(wanted.items()))


def _names(confs: Mapping[str, ModuleConf], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(confs[key].name for key in keys)
