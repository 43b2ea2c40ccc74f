"""Modules for a real node: scripts in its folder and the files that start them."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from tests.unit.supervisor.scripts import PREAMBLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.daemon import Daemon

_HEAD = """\
import asyncio, os, sys, time
import numpy as np
from joule.client import CompositeModule, FilterModule, ReaderModule
from joule.errors import EmptyPipeError
from joule.models import LocalPipe
"""


def modules_folder(daemon: Daemon) -> Path:
    """Where the node looks for module files; made when missing."""
    folder = daemon.data / "module_configs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def add_script(daemon: Daemon, name: str, code: str, **sections: dict[str, str]) -> None:
    """Add a module of the standard library alone; see ``scripts.py`` for what it may use."""
    _add(daemon, name, "-u -I -S", PREAMBLE + textwrap.dedent(code), sections)


def add_module(daemon: Daemon, name: str, code: str, **sections: dict[str, str]) -> None:
    """Add a module that is written with ``joule.client``."""
    _add(daemon, name, "", _HEAD + textwrap.dedent(code), sections)


def _add(
    daemon: Daemon, name: str, options: str, code: str, sections: dict[str, dict[str, str]]
) -> None:
    script = daemon.folder / "scripts" / f"module_{name}.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(code)
    lines = [f"[Main]\nname = {name}\nexec_cmd = {sys.executable} {options} {script}"]
    for section, settings in sections.items():
        lines.append(f"[{section.capitalize()}]")
        lines += [f"{key} = {value}" for key, value in settings.items()]
    (modules_folder(daemon) / f"{name}.conf").write_text("\n".join(lines) + "\n")


def logs(daemon: Daemon, name: str) -> list[str]:
    """The lines of a module's log without their times."""
    lines = daemon.ask(lambda node: node.module_logs(name))
    return [line.partition("]: ")[2] for line in lines]


def state(daemon: Daemon, name: str) -> str | None:
    """What a module is doing."""
    return daemon.ask(lambda node: node.module_get(name)).state


def pid(daemon: Daemon, name: str) -> int | None:
    """The process of a module, None when it has none."""

    async def asking(node: Any) -> int | None:
        statistics = (await node.module_get(name, statistics=True)).statistics
        found: int | None = statistics.pid
        return found

    return daemon.ask(asking)


def count(daemon: Daemon, path: str) -> int:
    """The number of rows of a stream."""
    return daemon.ask(lambda node: node.data_stream_info(path)).rows


def rows(daemon: Daemon, path: str) -> Any:
    """All rows of a stream."""
    return daemon.ask(lambda node: node.data_read_array(path, max_rows=100_000_000))


def intervals(daemon: Daemon, path: str) -> list[list[int]]:
    """The intervals of a stream."""
    return daemon.ask(lambda node: node.data_intervals(path))
