"""The daemon: whether it runs, answers, has a free port, and whether its store is sound."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from typing import TYPE_CHECKING

import joule
from joule.cli.doctor.finding import Finding, fine, note, wrong
from joule.cli.doctor.server import check_server
from joule.cli.host import server_of, store_of
from joule.config.places import API_SOCKET, PID_FILE, socket_folder
from joule.errors import ApiError, StorageError, StorageInUseError
from joule.storage.embedded import LOST, quarantine
from joule.storage.embedded.checking import is_older
from joule.storage.embedded.copying import held
from joule.storage.embedded.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.config.main_conf import MainConfig

ANSWER_S = 10.0


def running_pid(config: MainConfig) -> int | None:
    """Give the pid of the daemon with these socket folder, None when none runs."""
    path = socket_folder(config.folders) / PID_FILE
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(fd, 20, 0) or b"0")
    finally:
        os.close(fd)
    return None


def check_daemon(config: MainConfig, pid: int | None) -> Iterator[Finding]:
    """See whether the daemon runs and answers, or what a killed one has left behind."""
    folder = socket_folder(config.folders)
    if pid is None:
        left = (folder / PID_FILE).exists()
        text = "it does not run"
        if left:
            text += f", and was killed: [{folder / PID_FILE}] is left over and does no harm"
        yield note("daemon", text, "start jouled")
        return
    try:
        version = asyncio.run(_version(folder / API_SOCKET))
    except (ApiError, TimeoutError):
        text = f"pid {pid} runs and does not answer at [{folder / API_SOCKET}]"
        yield wrong("daemon", text, "look into its log; restart it if that says nothing")
    else:
        yield fine("daemon", f"version {version} runs with pid {pid}")


async def _version(path: Path) -> str:
    async with asyncio.timeout(ANSWER_S), joule.api.UnixNode("local", str(path)) as node:
        return str((await node.info()).version)


def check_port(config: MainConfig, pid: int | None) -> Iterator[Finding]:
    """See whether the daemon listens, or could."""
    if config.ip_address is None:
        yield fine("port", "the node listens on its UNIX socket only")
        return
    place = f"{config.ip_address} port {config.port}"
    if pid is not None and config.file is not None:
        try:
            socket.create_connection((config.ip_address, config.port), timeout=ANSWER_S).close()
        except OSError as error:
            yield wrong("port", f"nobody listens at {place}: {error.strerror}", "restart jouled")
        else:
            yield fine("port", place)
    elif pid is not None:
        yield fine("port", "as jouled was told when it was started")
    else:
        yield _free(config.ip_address, config.port, place)


def _free(address: str, port: int, place: str) -> Finding:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            advice = f"end what uses it (ss -ltnp 'sport = :{port}'), or choose another port"
            return wrong("port", f"{place} cannot be used: {error.strerror}", advice)
    return fine("port", f"{place} is free")


def check_database(config: MainConfig, pid: int | None) -> Iterator[Finding]:
    """Open the store and see whether it is ours, of today's format, and without known losses."""
    server = server_of(config)
    if server is not None:
        yield from check_server(server, pid)
        return
    store = store_of(config)
    if not store.exists():
        yield note("database", f"there is none at [{store}] yet", "start jouled")
        return
    try:
        if pid is None:
            with held(store):
                pass
        older = is_older(store)
        with snapshot(store) as connection:
            losses = 0 if older else quarantine.count(connection)
    except StorageInUseError:
        text = f"[{store}] is held by a process that is not this node"
        yield wrong("database", text, f"fuser -v {store}.lock tells which one")
    except StorageError as error:
        yield wrong("database", str(error), "joule admin check, or joule admin restore FILE")
    else:
        if losses:
            yield wrong("database", LOST.format(losses), "joule admin check --forget when seen")
        elif older:
            yield note("database", f"[{store}] has an older format", "jouled upgrades it")
        else:
            yield fine("database", f"[{store}] can be read (joule admin check reads all of it)")
