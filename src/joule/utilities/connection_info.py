"""How to connect to the database of a node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote


@dataclass
class ConnectionInfo:
    """Credentials and address of a node's database.

    ``nilmdb_url`` is the NilmDB server that holds the samples, None where the database does.
    """

    username: str
    password: str = field(repr=False)
    port: int
    database: str
    host: str
    nilmdb_url: str | None = None

    def to_dsn(self) -> str:
        """Give the connection text ``postgresql://username:password@host:port/database``."""
        user, password = quote(self.username, safe=""), quote(self.password, safe="")
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{self.database}"

    def to_json(self) -> dict[str, Any]:
        """Give the attributes as the node sends them; ``nilmdb_url`` only where there is one."""
        attributes: dict[str, Any] = {
            "username": self.username,
            "password": self.password,
            "port": self.port,
            "database": self.database,
            "host": self.host,
        }
        if self.nilmdb_url is not None:
            attributes["nilmdb_url"] = self.nilmdb_url
        return attributes
