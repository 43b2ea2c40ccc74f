"""What can be wrong with the NilmDB server that has the rows of a node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from joule.cli.doctor.finding import fine, wrong
from joule.cli.doctor.machine import room
from joule.errors import StorageError
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.cli.doctor.finding import Finding
    from joule.config.main_conf import MainConfig

_CHECK = "nilmdb"


def check_nilmdb(config: MainConfig) -> Iterator[Finding]:
    """Ask the server, if the node has one, who it is and what room it has."""
    if config.nilmdb_url is None:
        return
    from joule.storage.nilmdb.inspection import inspect  # HTTP is for those who have one

    place = f"[{without_password(config.nilmdb_url)}]"
    try:
        condition = asyncio.run(inspect(config.nilmdb_url))
    except StorageError as error:
        yield wrong(_CHECK, str(error), "is NilmDB running, and [Main] NilmdbUrl right?")
        return
    streams = f"the rows of {condition.streams} data streams"
    yield fine(_CHECK, f"{place} answers: NilmDB {condition.version}, {streams}")
    yield room(condition.volume.free, f"at NilmDB {place}")
