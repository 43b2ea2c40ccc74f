"""The database behind a node."""

from __future__ import annotations

from importlib import import_module
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from joule.api.answers import understood
from joule.api.part import NodePart
from joule.errors import ApiError
from joule.utilities import ConnectionInfo
from joule.wire.routes import Route


class DatabaseActions(NodePart):
    """Database methods of a node."""

    async def db_connection_info(self) -> ConnectionInfo:
        """Get how to connect to the node's database, by the host name used for the node.

        Raises ``ApiError`` when the node has no database that can be connected to.
        """
        info = understood(_connection, await self.session.get(Route.DB_CONNECTION))
        if _is_loopback(info.host):
            info.host = urlsplit(self.url).hostname or info.host
        return info

    async def db_connect(self) -> Any:
        """Make a SQLAlchemy engine for the node's database.

        Raises ``ApiError`` when the package ``sqlalchemy`` is not installed.
        """
        try:
            sqlalchemy = import_module("sqlalchemy")
        except ImportError as error:
            raise ApiError("install the package [sqlalchemy] to connect to the database") from error
        return sqlalchemy.create_engine((await self.db_connection_info()).to_dsn())


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
