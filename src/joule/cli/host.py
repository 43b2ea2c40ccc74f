"""The node of this host, running or not, and its store: what ``joule admin`` works on."""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import joule
from joule.config.main_conf import SYSTEM_FILE
from joule.config.places import API_SOCKET, find_config, socket_folder
from joule.errors import ConfigurationError, NodeConnectionError, StorageInUseError
from joule.storage import store_file
from joule.storage.embedded.copying import held
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from joule.config.main_conf import MainConfig

T = TypeVar("T")

RUNNING = "stop joule service before running this command"


def host_node(command: Callable[..., T]) -> Callable[..., T]:
    """Add ``--config`` and ``--data``; the command gets the settings of the node as ``config``."""

    @click.option("-c", "--config", type=click.Path(path_type=Path), help="Main file of the node.")
    @click.option("-d", "--data", type=click.Path(path_type=Path), help="Data folder of the node.")
    @functools.wraps(command)
    def run(*args: Any, config: Path | None, data: Path | None, **options: Any) -> T:
        return command(*args, config=_settings(config, data), **options)

    return run


def _settings(config: Path | None, data: Path | None) -> MainConfig:
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


def store_of(config: MainConfig) -> Path:
    """Give the file that the node keeps everything in."""
    return store_file(config.database, config.folders.data)


def existing_store(config: MainConfig) -> Path:
    """Give that file; an error when there is none."""
    store = store_of(config)
    if not store.is_file():
        raise click.ClickException(f"There is no node at [{store.parent}], start jouled")
    return store


async def commit(config: MainConfig, store: Path) -> None:
    """Let the node, if it runs, make everything durable that it has accepted."""
    socket = socket_folder(config.folders) / API_SOCKET
    try:
        async with joule.api.UnixNode("local", str(socket)) as node:
            await node.session.post(Route.COMMIT)
    except NodeConnectionError as error:
        try:
            with held(store):  # nobody has rows that are not in it
                return
        except StorageInUseError:
            raise click.ClickException(f"The node does not answer at [{socket}]") from error


@contextmanager
def stopped() -> Iterator[None]:
    """Say what to do when the store turns out to be in use."""
    try:
        yield
    except StorageInUseError as error:
        raise click.ClickException(RUNNING) from error
