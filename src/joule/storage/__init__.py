"""Where a node keeps what it knows: the protocols of ``interfaces``, one folder per engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.errors import ConfigurationError
from joule.storage.address import Address, is_address
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from pathlib import Path

    from joule.storage.interfaces import Engine

__all__ = ["DATABASE_FILE", "open_engine", "store_file"]

DATABASE_FILE = "joule.db"
"""Name of the embedded engine's file in the node's data folder."""

_SQLITE = "sqlite:///"


def open_engine(
    database: str | None,
    data_folder: Path,
    *,
    cold_encoding: str | None = None,
    compress_after_us: int | None = None,
    compressed_copies: bool = True,
    nilmdb_url: str | None = None,
) -> Engine:
    """Choose the engine for the ``Database`` setting; it opens when it is entered.

    None is the embedded engine in ``data_folder``, ``sqlite:///<path>`` the embedded engine in
    that file (a relative path starts at ``data_folder``; an absolute one has a fourth slash),
    ``postgresql://user:password@host:port/database`` a PostgreSQL database (as in Joule 1.0 also
    without the scheme), ``memory:`` an engine that forgets everything. ``cold_encoding`` is None
    or ``pcodec``: how the embedded engine stores what has become old; ``compress_after_us`` the
    age at which TimescaleDB compresses rows, None for never; ``compressed_copies`` whether a
    PostgreSQL without it gets compressed copies of its rows, which are quicker to read. With
    ``nilmdb_url`` rows are in that NilmDB server and all else in the chosen engine. Raises
    ``ConfigurationError`` for any other setting.
    """
    if nilmdb_url is not None:
        from joule.storage.nilmdb import NilmdbEngine

        return NilmdbEngine(open_engine(database, data_folder), nilmdb_url)
    # An engine brings its database driver along, so only the one that is chosen gets imported.
    if database == "memory:":
        from joule.storage.memory import MemoryEngine

        return MemoryEngine()
    if database is not None and is_address(database):
        return _postgres_engine(
            Address.parse(database),
            compress_after_us=compress_after_us,
            compressed_copies=compressed_copies,
        )
    path = store_file(database, data_folder)
    from joule.storage.columns import is_available
    from joule.storage.embedded import EmbeddedEngine

    if cold_encoding and not is_available():
        raise ConfigurationError(
            f"[Main] ColdEncoding: {cold_encoding} is not installed, install joule[pcodec]"
        )
    return EmbeddedEngine(path, recodes_cold=bool(cold_encoding))


def store_file(database: str | None, data_folder: Path) -> Path:
    """Give the file of the embedded engine for the ``Database`` setting.

    Raises ``ConfigurationError`` for a setting that means another engine.
    """
    if database is None:
        return data_folder / DATABASE_FILE
    if not database.startswith(_SQLITE):
        raise ConfigurationError(_refusal(database))
    path = database[len(_SQLITE) :]
    if not path:
        raise ConfigurationError(f"[Main] Database: no path in [{database}]")
    return data_folder / path


def _refusal(database: str) -> str:
    if is_address(database):
        return f"[Main] Database: {Address.parse(database)} is not a file of the embedded store"
    return (
        f"[Main] Database: [{without_password(database)}] is not a database, "
        "use sqlite:///<path> or postgresql://user:password@host:port/database"
    )


def _postgres_engine(
    address: Address, *, compress_after_us: int | None, compressed_copies: bool
) -> Engine:
    try:
        from joule.storage.postgres import PostgresEngine
    except ImportError as error:
        raise ConfigurationError(
            f"[Main] Database: PostgreSQL needs the package {error.name}, install joule[postgres]"
        ) from error
    return PostgresEngine(
        address, compress_after_us=compress_after_us, compressed_copies=compressed_copies
    )
