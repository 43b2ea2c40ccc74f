"""Where a PostgreSQL database is: both spellings of the ``Database`` setting, and its safe form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from joule.errors import ConfigurationError
from joule.utilities.addresses import without_password

SCHEMES: Final = ("postgresql://", "postgres://")
DEFAULT_PORT: Final = 5432


def is_address(database: str) -> bool:
    """Tell whether a ``Database`` setting means a PostgreSQL database."""
    has_scheme = re.match(r"[a-z0-9+]+://", database)
    return database.startswith(SCHEMES) or ("@" in database and not has_scheme)


@dataclass(frozen=True, slots=True)
class Address:
    """A database on a server; its text form is without the password.

    ``options`` is what follows the question mark: ``sslmode=require`` say.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(default="", repr=False)
    options: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``postgresql://user:password@host:port/database``.

        Joule 1.0 writes it without ``postgresql://``. Characters that have a meaning in it are
        escaped as in any URL; the last ``@`` ends the password. ``ConfigurationError`` otherwise.
        """
        url = text if text.startswith(SCHEMES) else f"postgresql://{text}"
        try:
            return cls._of(url)
        except ValueError as error:
            # The text is not repeated: it may hold a password.
            raise ConfigurationError(
                f"[Main] Database: {error}, use postgresql://user:password@host:port/database"
            ) from error

    @classmethod
    def _of(cls, url: str) -> Address:
        # What is between the scheme and the last @ may hold any character, "/" and "#" too.
        scheme, _, rest = url.partition("://")
        credentials, _, place = rest.rpartition("@")
        user, _, password = credentials.partition(":")
        parts = urlsplit(f"{scheme}://{place}")
        database = unquote(parts.path.removeprefix("/"))
        if not user:
            raise ValueError("no user in the address of the database")
        if not database or "/" in database:
            raise ValueError("no name of a database in its address")
        try:
            port = parts.port or DEFAULT_PORT
        except ValueError as error:
            raise ValueError("the port of the database is not a number up to 65535") from error
        host = parts.hostname or "localhost"
        return cls(host, port, database, unquote(user), unquote(password), parts.query)

    @property
    def dsn(self) -> str:
        """The address in the form that drivers take, password included."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        credentials = f"{user}:{password}" if password else user
        options = f"?{self.options}" if self.options else ""
        return f"postgresql://{credentials}@{self._place}{options}"

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{quote(self.database, safe='')}"

    def __str__(self) -> str:
        return without_password(self.dsn)
