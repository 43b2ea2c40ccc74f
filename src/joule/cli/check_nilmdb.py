"""The part of ``joule admin check`` that is about rows in a NilmDB server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from joule.cli import output
from joule.errors import StorageError
from joule.storage.embedded import catalog_tables
from joule.storage.embedded.snapshot import snapshot
from joule.storage.migration.catalog import data_streams
from joule.storage.nilmdb.checking import Finding, check_streams
from joule.storage.nilmdb.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joule.storage.interfaces import StreamRef


def check_server(url: str, store: Path) -> tuple[int, list[Finding]]:
    """Check the rows of the node whose catalog is in a store; gives their number and the faults."""
    try:
        _streams(store)
    except (StorageError, ValueError) as error:
        return 0, [Finding("NilmDB", f"was not checked, the streams are not known: {error}")]
    with output.share("Checking NilmDB") as step:
        return asyncio.run(_check(url, store, step))


def _streams(store: Path) -> list[StreamRef]:
    with snapshot(store) as connection:
        return data_streams(catalog_tables.load(connection))


async def _check(
    url: str, store: Path, step: Callable[[int, int], None]
) -> tuple[int, list[Finding]]:
    done = 0

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        step(min(done, total), total)

    async with Session(url) as session:
        entries = await session.entries("/joule/%")
        total = sum(entry.rows for entry in entries if "~" not in entry.path)
        return await check_streams(session, lambda: _streams(store), advance)
