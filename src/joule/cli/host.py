"""The node of this host, running or not, and its store: what ``joule admin`` works on."""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from joule.config.main_conf import SYSTEM_FILE
from joule.config.places import find_config
from joule.errors import ConfigurationError, StorageInUseError
from joule.storage import store_file

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


def store_of(config: MainConfig) -> Path:
    """Give the file that the node keeps everything in."""
    return store_file(config.database, config.folders.data)


def existing_store(config: MainConfig) -> Path:
    """Give that file; an error when there is none."""
    store = store_of(config)
    if not store.is_file():
        raise click.ClickException(f"There is no node at [{store.parent}], start jouled")
    return store


@contextmanager
def stopped() -> Iterator[None]:
    """Say what to do when the store turns out to be in use."""
    try:
        yield
    except StorageInUseError as error:
        raise click.ClickException(RUNNING) from error
