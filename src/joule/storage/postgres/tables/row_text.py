"""Few rows as the text of an INSERT, exact to the last bit.

Floats are written with the digits that make the same float again. Every value is a literal in
quotes, which the server reads in the type of its column: so there is one way for all of them,
infinities too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.storage.postgres.connection.copy_format import time_literal

if TYPE_CHECKING:
    from joule.models.layout import Rows


def insertion(table: str, rows: Rows) -> str:
    """Give the statement that adds rows, at least one, to a table; its columns are not named."""
    times, values = rows["timestamp"].tolist(), rows["data"].tolist()
    return f"INSERT INTO {table} VALUES " + ", ".join(map(_row, times, values))


def _row(time: int, values: list[float]) -> str:
    return f"({time_literal(time)}, '" + "', '".join(map(repr, values)) + "')"
