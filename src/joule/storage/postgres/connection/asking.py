"""Several statements in one message, and what those of them that are COPY give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.postgres.connection.borrowing import exchange

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from joule.storage.postgres.connection.answers import Copied

FIRST_BYTES: Final = 64 * 1024


async def ask(
    connection: asyncpg.Connection, statements: Iterable[str], size_bytes: int = FIRST_BYTES
) -> list[Copied]:
    """Carry out statements and give the data of each COPY; ``size_bytes`` is a guess of them all.

    Raises what the driver would raise. Outside of a transaction the statements are one.
    """
    script = "; ".join(filter(None, statements))
    answer = await exchange(connection, script, (), size_bytes)
    return answer.copies


def copy_of(query: str) -> str:
    """Give the statement that copies what a query gives."""
    return f"COPY ({query}) TO STDOUT (FORMAT binary)"
