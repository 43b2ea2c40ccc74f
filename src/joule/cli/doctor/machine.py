"""The machine under a node: folders and their permissions, room on the disk, the clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from joule.api.node_files import NodeFiles, config_directory
from joule.cli.doctor.finding import Finding, fine, note, wrong
from joule.cli.node import human_bytes
from joule.config.places import socket_folder
from joule.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.config.main_conf import MainConfig

FREE_LITTLE_BYTES = 1 << 30
FREE_NOTHING_BYTES = 100 << 20

BUILT_S = 1_767_225_600
"""2026-01-01: a clock that shows less has not been set."""

AHEAD_S = 60.0


def check_folders(config: MainConfig) -> Iterator[Finding]:
    """Look at the folders that the node writes to and reads its configuration from."""
    folders = config.folders
    written = {"data folder": folders.data, "socket folder": socket_folder(folders)}
    read = {
        "ModuleDirectory": folders.modules,
        "DataStreamDirectory": folders.data_streams,
        "EventStreamDirectory": folders.event_streams,
    }
    faults = [
        *(_folder_fault(name, path, os.W_OK | os.X_OK) for name, path in written.items()),
        *(_folder_fault(name, path, os.R_OK | os.X_OK) for name, path in read.items()),
    ]
    found = [fault for fault in faults if fault is not None]
    yield from found
    missing = [str(path) for path in (*written.values(), *read.values()) if not path.exists()]
    if missing:
        text = f"there is no {', '.join(missing)} yet"
        yield note("folders", text, "jouled makes its own, those of a main file are for you")
    elif not found:
        yield fine("folders", f"data in [{folders.data}]")
    if folders.data.is_dir() and folders.data.stat().st_mode & 0o007:
        yield note(
            "folders", f"everybody may look into [{folders.data}]", f"chmod o= {folders.data}"
        )


def _folder_fault(name: str, path: Path, access: int) -> Finding | None:
    if not path.exists():
        return None
    if not path.is_dir():
        return wrong("folders", f"{name} [{path}] is a file", "move it away")
    if not os.access(path, access):
        may = "written" if access & os.W_OK else "read"
        return wrong(
            "folders", f"{name} [{path}] cannot be {may} by you", "chown it to the node's user"
        )
    return None


def check_keys() -> Iterator[Finding]:
    """Look at the user's own list of nodes, which holds keys."""
    try:
        directory = config_directory()
        if not directory.is_dir():
            yield note("your nodes", "you have no list of nodes", "joule admin authorize")
            return
        files = NodeFiles(directory)
        nodes = files.nodes()
    except (ApiError, OSError) as error:
        yield wrong("your nodes", str(error), "put the file right or remove it")
        return
    if not nodes:
        yield note("your nodes", "you have access to no node", "joule admin authorize")
    elif files.nodes_path.stat().st_mode & 0o077:
        text = f"others may read the keys in [{files.nodes_path}]"
        yield wrong("your nodes", text, f"chmod 600 {files.nodes_path}")
    else:
        yield fine("your nodes", f"{len(nodes)} in [{files.nodes_path}]")


def check_room(folder: Path) -> Iterator[Finding]:
    """Look at the room that is left where the data is."""
    while not folder.exists():
        folder = folder.parent
    yield room(shutil.disk_usage(folder).free, f"for [{folder}]")


def room(free_bytes: int, place: str) -> Finding:
    """Say whether the room at a place will do."""
    text = f"{human_bytes(free_bytes)} free {place}"
    if free_bytes < FREE_NOTHING_BYTES:
        return wrong("disk", text, "make room, or set keep in the stream files")
    if free_bytes < FREE_LITTLE_BYTES:
        return note("disk", text, "set keep in the stream files so that old data goes")
    return fine("disk", text)


def check_clock(store: Path | None) -> Iterator[Finding]:
    """See whether the time can be trusted, since rows carry it."""
    now = time.time()
    if now < BUILT_S:
        yield wrong("clock", f"it shows {time.ctime(now)}", "set it, see timedatectl")
        return
    if store is not None and store.exists() and store.stat().st_mtime > now + AHEAD_S:
        text = f"the data was last written at {time.ctime(store.stat().st_mtime)}, it is earlier"
        yield wrong("clock", text, "set the clock: rows older than the last ones leave breaks")
        return
    synchronised = _is_synchronised()
    if synchronised is False:
        yield note("clock", "it is not kept right by the network", "timedatectl set-ntp true")
    elif synchronised is None:
        yield note("clock", "whether it is kept right by the network cannot be found out here")
    else:
        yield fine("clock", "kept right by the network")


def _is_synchronised() -> bool | None:
    """Ask systemd; None where there is none to ask."""
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() == "yes"
