"""The database behind a node: a server to connect to, or a file on the node's own machine."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from joule.api.answers import member, understood
from joule.api.part import NodePart
from joule.errors import ApiError
from joule.utilities import ConnectionInfo
from joule.wire.routes import Route

_UUID_QUERY = "SELECT value FROM property WHERE name = 'uuid'"


class DatabaseActions(NodePart):
    """Database methods of a node."""

    async def db_connection_info(self) -> ConnectionInfo:
        """Get how to connect to the node's database, by the host name used for the node.

        Raises ``ApiError``, which says what to do instead, when the node keeps its data in a file.
        """
        info = understood(_connection, await self.session.get(Route.DB_CONNECTION))
        own = urlsplit(self.url).hostname
        if _is_loopback(info.host) and own and not own.endswith(".localhost"):
            info.host = own
        return info

    async def db_connect(self) -> Any:
        """Make a SQLAlchemy engine for the node's database.

        A PostgreSQL database is connected to as ``joule_module``, which may read streams, events
        and metadata and own tables in the schemas of modules. The file of a node on this machine
        is opened for reading only: folders, streams, events and annotations are tables, rows of
        data are packed (read those through the API).

        It needs the packages of ``joule[database]`` and, for a file, the right to read it. Raises
        ``ApiError`` when either is missing, or when the file is on another machine.
        """
        path = Path(str(member("path", await self.session.get(Route.DBINFO))))
        if not (self._is_local and await asyncio.to_thread(path.is_file)):
            return _engine(_with_driver((await self.db_connection_info()).to_dsn()))
        uuid = str(member("uuid", await self.session.get(Route.VERSION_JSON)))
        engine = _engine(f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true")
        try:
            await asyncio.to_thread(_check_owner, engine, path, uuid)
        except BaseException:
            engine.dispose()
            raise
        return engine

    @property
    def _is_local(self) -> bool:
        """Whether the address leads to this machine (or into a tunnel to another one)."""
        host = urlsplit(self.url).hostname or ""
        return host.endswith(".localhost") or _is_loopback(host)


def _engine(url: str) -> Any:
    try:
        return import_module("sqlalchemy").create_engine(url)  # which loads the driver
    except ImportError as error:
        raise ApiError(f"install the package [{error.name}] to connect to the database") from error


def _with_driver(dsn: str) -> str:
    """Have SQLAlchemy take psycopg where it is installed: it would look for psycopg2."""
    scheme, _, rest = dsn.partition("://")
    return f"{scheme}+psycopg://{rest}" if find_spec("psycopg") else dsn


def _check_owner(engine: Any, path: Path, uuid: str) -> None:
    """Raise ``ApiError`` unless the file can be read and belongs to the node with this ``uuid``."""
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(_UUID_QUERY).scalar()
    except import_module("sqlalchemy").exc.SQLAlchemyError as error:
        raise ApiError(f"cannot read the node's data in [{path}]: {error}") from error
    if uuid not in str(found):
        raise ApiError(f"[{path}] on this machine is the data of another node")


def _connection(answer: Any) -> ConnectionInfo:
    return ConnectionInfo(
        username=answer["username"],
        password=answer["password"],
        port=int(answer["port"]),
        database=answer["database"],
        host=answer["host"],
        nilmdb_url=answer.get("nilmdb_url"),
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
