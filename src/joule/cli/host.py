"""The node of this host, running or not, and its store: what ``joule admin`` works on."""

from __future__ import annotations

import asyncio
import functools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

import joule
from joule.config.main_conf import SYSTEM_FILE
from joule.config.places import API_SOCKET, find_config, socket_folder
from joule.errors import ConfigurationError, NodeConnectionError, StorageInUseError
from joule.storage import store_file
from joule.storage.address import Address, is_address

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from joule.api import Node
    from joule.config.main_conf import MainConfig
    from joule.storage.postgres.inspection import Condition

P = ParamSpec("P")
T = TypeVar("T")

ON_SERVER = (
    "the node keeps its data in {}: use the tools of PostgreSQL (pg_dump to copy it, pg_restore to "
    "bring it back, pg_amcheck to check it), or joule admin migrate to move it to a file"
)
RUNNING = "stop joule service before running this command"


def host_node(command: Callable[..., T]) -> Callable[..., T]:
    """Add ``--config`` and ``--data``; the command gets the settings of the node as ``config``."""

    @click.option("-c", "--config", type=click.Path(path_type=Path), help="Main file of the node.")
    @click.option("-d", "--data", type=click.Path(path_type=Path), help="Data folder of the node.")
    @functools.wraps(command)
    def run(*args: Any, config: Path | None, data: Path | None, **options: Any) -> T:
        return command(*args, config=node_settings(config, data), **options)

    return run


def node_settings(config: Path | None, data: Path | None) -> MainConfig:
    """Give the settings of the node; ``ClickException`` when they cannot be read."""
    file = config or (SYSTEM_FILE if data is None and SYSTEM_FILE.exists() else None)
    if file is not None and not file.exists():
        raise click.ClickException(f"Cannot load joule configuration file at [{file}]")
    if file is not None and not os.access(file, os.R_OK):
        raise click.ClickException(
            f"Cannot read joule configuration file at [{file}] (run as root)"
        )
    try:
        return find_config(config, data)
    except ConfigurationError as error:
        raise click.ClickException(f"Invalid configuration: {error}") from error


def on_host_node(
    work: Callable[Concatenate[Node, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[MainConfig, P], T]:
    """Make a function of a coroutine function whose first argument is the node of this host.

    It takes the node's settings instead, and reaches the node at its UNIX socket: no key is needed.
    """

    @functools.wraps(work)
    def run(config: MainConfig, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(_reach(config, lambda node: work(node, *args, **kwargs)))

    return run


def require_running(config: MainConfig) -> None:
    """Say so unless the node of this host answers, before anything takes long."""
    asyncio.run(_reach(config, joule.api.UnixNode.version))


async def _reach(config: MainConfig, work: Callable[[Node], Coroutine[Any, Any, T]]) -> T:
    socket = socket_folder(config.folders) / API_SOCKET
    async with joule.api.UnixNode("local", str(socket)) as node:
        try:
            await node.version()
        except NodeConnectionError as error:
            raise click.ClickException(
                f"The node does not answer at [{socket}], start jouled"
            ) from error
        return await work(node)


def server_of(config: MainConfig) -> Address | None:
    """Give the PostgreSQL database that the node keeps everything in, None when it has a file."""
    if config.database is None or not is_address(config.database):
        return None
    return Address.parse(config.database)


def store_of(config: MainConfig) -> Path:
    """Give the file that the node keeps everything in; an error when that is no file."""
    server = server_of(config)
    if server is not None:
        raise click.ClickException(ON_SERVER.format(server))
    return store_file(config.database, config.folders.data)


async def inspected(server: Address) -> Condition:
    """Look at the database of a node; ``ClickException`` when its driver is not installed."""
    try:
        from joule.storage.postgres.inspection import inspect
    except ImportError as error:
        raise click.ClickException(
            f"PostgreSQL needs the package {error.name}, install joule[postgres]"
        ) from error
    return await inspect(server)


def existing_store(config: MainConfig) -> Path:
    """Give that file; an error when there is none."""
    store = store_of(config)
    if not store.is_file():
        raise click.ClickException(f"There is no node at [{store.parent}], start jouled")
    return store


def adopt(path: Path) -> None:
    """Give a file that root made to the owner of the folder it lies in: the node's user."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def stopped() -> Iterator[None]:
    """Say what to do when the store turns out to be in use."""
    try:
        yield
    except StorageInUseError as error:
        raise click.ClickException(RUNNING) from error
