"""``joule admin backup`` and ``restore``: the whole store of a node as one file, and back."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.check import look_through
from joule.cli.host import adopt, existing_store, host_node, stopped, store_of
from joule.cli.node import human_bytes
from joule.config.places import API_SOCKET, socket_folder
from joule.errors import NodeConnectionError, StorageError, StorageInUseError
from joule.storage.embedded import EmbeddedEngine
from joule.storage.embedded.checking import is_older
from joule.storage.embedded.copying import copy_store, held, replace_store
from joule.utilities.addresses import without_password
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.config.main_conf import MainConfig

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("backup")
@click.argument("file", type=_FILE)
@click.option("--yes", is_flag=True, help="Replace FILE without asking.")
@host_node
def backup(file: Path, yes: bool, config: MainConfig) -> None:
    """Copy everything the node of this machine has stored to FILE.

    The node may run and goes on as ever: FILE has all that it had accepted when this began.
    """
    store = existing_store(config)
    if file.exists() and not yes and not output.confirm(f"Replace [{file}]?"):
        return
    asyncio.run(_commit(config, store))
    with output.share("Copying") as progress:
        copy_store(store, file.absolute(), progress)
    output.line(f"Saved {human_bytes(file.stat().st_size)} to [{file}]")
    if config.nilmdb_url is not None:
        place = without_password(config.nilmdb_url)
        output.line(f"The rows of data streams are in NilmDB at [{place}], not in it")


@click.command("restore")
@click.argument("file", type=_FILE)
@host_node
def restore(file: Path, config: MainConfig) -> None:
    """Put FILE, made by joule admin backup, in the place of what the node has stored.

    The node must be stopped. FILE is checked first; what the node had is kept beside it.
    """
    store = store_of(config)
    if config.file is None:
        config.folders.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with stopped(), held(store):
        if store.exists() and file.exists() and file.samefile(store):
            raise StorageError(f"{file} is the store itself")
        with checked_copy(file, store.with_name(f"{store.name}.restored")) as new:
            adopt(new)
            aside = replace_store(store, new)
    output.line(f"Restored [{file}]")
    if aside is not None:
        output.line(f"What was there is kept as [{aside}]")


async def _commit(config: MainConfig, store: Path) -> None:
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
def checked_copy(file: Path, new: Path) -> Iterator[Path]:
    """Copy a store to ``new``, of today's format and without faults; gone when something fails."""
    try:
        with output.share("Copying") as progress:
            copy_store(file, new, progress)
        if is_older(new):
            asyncio.run(_upgrade(new))
        if look_through(new).findings:
            raise click.ClickException(f"[{file}] is damaged, nothing was changed")
        yield new
    finally:
        new.unlink(missing_ok=True)
        new.with_name(f"{new.name}.lock").unlink(missing_ok=True)


async def _upgrade(store: Path) -> None:
    async with EmbeddedEngine(store):
        pass
