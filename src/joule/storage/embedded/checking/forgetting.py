"""What was put aside as damaged, taken off the record once somebody has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from joule.storage.embedded.copying import held
from joule.storage.embedded.sqlite_errors import translated

if TYPE_CHECKING:
    from pathlib import Path


def forget_losses(path: Path) -> int:
    """Remove all entries of the quarantine of a store that nobody uses; give their number.

    Raises ``StorageInUseError`` when somebody does.
    """
    with held(path), translated(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            return len(connection.execute("DELETE FROM quarantine RETURNING id").fetchall())
        finally:
            connection.close()
