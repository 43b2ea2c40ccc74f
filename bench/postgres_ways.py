"""The two ways that are compared, each in a database of its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from bench.old_way import OldStream
from joule.storage.address import Address
from joule.storage.postgres import PostgresEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.data import DataSet
    from joule.testing.postgres import PostgresServer


@asynccontextmanager
async def ours(server: PostgresServer) -> AsyncIterator[PostgresEngine]:
    """Give the engine."""
    with server.fresh_database() as address:
        async with PostgresEngine(Address.parse(address)) as engine:
            yield engine


@asynccontextmanager
async def theirs(
    server: PostgresServer, data: DataSet, count: int
) -> AsyncIterator[list[OldStream]]:
    """Give streams whose tables are there; up to four of them are at work at once."""
    with server.fresh_database() as address:
        async with asyncpg.create_pool(address, min_size=1, max_size=4) as pool:
            streams = [OldStream(pool, 1 + number, data.layout) for number in range(count)]
            for stream in streams:
                await stream.create()
            yield streams
