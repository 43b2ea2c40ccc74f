"""One end of a migration: a database, and the NilmDB server that has the rows, if one has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from joule.storage import open_engine, store_file
from joule.storage.address import is_address
from joule.storage.interfaces import ROWS_IN_NILMDB
from joule.storage.migration.catalog import data_streams
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine

NOT_THOSE: Final = "none"
"""Instead of the address of a server whose rows are to be left alone."""


@dataclass(frozen=True, slots=True)
class End:
    """A database as on the command line, and what was said of a server with its rows."""

    database: str
    nilmdb: str | None = None

    @property
    def shown(self) -> str:
        """The database, without a password."""
        return without_password(self.database)

    @property
    def _url(self) -> str | None:
        return None if self.nilmdb == NOT_THOSE else self.nilmdb

    def engine(self) -> Engine:
        """Give the engine with all of it, not opened."""
        return open_engine(self.database, Path.cwd(), nilmdb_url=self._url)

    def exists(self) -> bool:
        """Whether there is something: what is opened would be made otherwise."""
        return is_address(self.database) or store_file(self.database, Path.cwd()).is_file()

    async def check(self, option: str, *, may_begin: bool = False) -> int:
        """Refuse what would miss rows: a server that was not named, or one without any.

        Gives the number of rows in the database itself that are not seen because of the server.
        ``may_begin`` says that one may be named that no node has used with this database.
        """
        async with open_engine(self.database, Path.cwd()) as engine:
            place = await engine.catalog.get_property(ROWS_IN_NILMDB)
            streams = data_streams(await engine.catalog.load())
            rows = sum(info.rows for info in await engine.samples.infos(streams))
        is_missing = self._url is None if may_begin else self.nilmdb is None
        if place is not None and is_missing:
            other = "" if may_begin else f", or say {option} {NOT_THOSE} to leave them out"
            raise click.ClickException(
                f"The rows of [{self.shown}] are in NilmDB at [{place}]: "
                f"name it with {option}{other}"
            )
        if place is None and self._url is not None and not may_begin:
            raise click.ClickException(
                f"No node with its data in [{self.shown}] has had its rows in NilmDB: "
                f"leave {option} out"
            )
        return 0 if self._url is None else rows
