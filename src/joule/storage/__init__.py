"""Where a node keeps what it knows: the protocols of ``interfaces``, one folder per engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from joule.storage.interfaces import Engine

__all__ = ["DATABASE_FILE", "open_engine", "store_file"]

DATABASE_FILE = "joule.db"
"""Name of the embedded engine's file in the node's data folder."""

_SQLITE = "sqlite:///"


def open_engine(
    database: str | None, data_folder: Path, *, cold_encoding: str | None = None
) -> Engine:
    """Choose the engine for the ``Database`` setting; it opens when it is entered.

    None is the embedded engine in ``data_folder``, ``sqlite:///<path>`` the embedded engine in
    that file (a relative path starts at ``data_folder``; an absolute one has a fourth slash),
    ``memory:`` an engine that forgets everything. ``cold_encoding`` is None or ``pcodec``: how
    the embedded engine stores what has become old. Raises ``ConfigurationError`` for any other.
    """
    # An engine brings its database driver along, so only the one that is chosen gets imported.
    if database == "memory:":
        from joule.storage.memory import MemoryEngine

        return MemoryEngine()
    path = store_file(database, data_folder)
    from joule.storage.embedded import EmbeddedEngine
    from joule.storage.embedded.columns import is_available

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
    if database.startswith(("postgresql://", "postgres://")) or "@" in database:
        return (
            "[Main] Database: the PostgreSQL engine is not available yet, "
            "remove the setting or use sqlite:///<path>"
        )
    return f"[Main] Database: [{database}] is not a database, use sqlite:///<path>"
