"""``joule admin erase``: everything a stopped node knows and has stored, gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from joule.cli.host import existing_store, host_node, inspected, server_of, stopped
from joule.errors import StorageInUseError
from joule.storage import open_engine
from joule.storage.embedded.copying import held
from joule.storage.interfaces import ROWS_IN_NILMDB, CatalogChanges, Kind
from joule.storage.migration import mark as migration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.config.main_conf import MainConfig
    from joule.storage.interfaces import CatalogSnapshot, Engine, Record

_TOLD_OF_STREAMS: Final = ("exporter", migration.PROPERTY, ROWS_IN_NILMDB)
"""How the names of those properties begin that say how far streams have been sent or moved, and
where their rows are."""


@click.command("erase")
@click.option("-l", "--links", is_flag=True, help="Masters and followers as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@host_node
def erase(links: bool, yes: bool, config: MainConfig) -> None:
    """Remove all streams, folders, data and events of the node of this machine.

    The node must be stopped.
    """
    with stopped():
        _check_stopped(config)  # say that it runs before asking anything
        if not yes:
            click.confirm("Are you sure you want to wipe the local node?", abort=True)
        asyncio.run(_erase(config, links=links))


def _check_stopped(config: MainConfig) -> None:
    server = server_of(config)
    if server is None:
        with held(existing_store(config)):
            return
    if asyncio.run(inspected(server)).is_in_use:
        raise StorageInUseError(f"{server} is in use by another node")


async def _erase(config: MainConfig, *, links: bool) -> None:
    place = config.database, config.folders.data
    async with open_engine(*place, nilmdb_url=config.nilmdb_url) as engine:
        catalog = await engine.catalog.load()
        await engine.catalog.apply(CatalogChanges(delete=_doomed(catalog, links=links)))
        await engine.samples.drop([stream.id for stream in catalog.data_streams])
        await engine.events.drop([stream.id for stream in catalog.event_streams])
        for name in await engine.catalog.properties():
            if name.startswith(_TOLD_OF_STREAMS):
                await engine.catalog.set_property(name, None)
        await _give_back_room(engine)


def _doomed(catalog: CatalogSnapshot, *, links: bool) -> list[tuple[Kind, int]]:
    kinds: list[tuple[Kind, Sequence[Record]]] = [
        (Kind.FOLDER, catalog.folders),
        (Kind.DATA_STREAM, catalog.data_streams),
        (Kind.EVENT_STREAM, catalog.event_streams),
        (Kind.ANNOTATION, catalog.annotations),
    ]
    if links:
        kinds += [(Kind.MASTER, catalog.masters), (Kind.FOLLOWER, catalog.followers)]
    return [(kind, record.id) for kind, records in kinds for record in records]


async def _give_back_room(engine: Engine) -> None:
    """Do all of the upkeep that a running node does a little at a time."""
    size, before = (await engine.usage()).size_bytes, None
    while before is None or size < before:
        await engine.maintain()
        size, before = (await engine.usage()).size_bytes, size
