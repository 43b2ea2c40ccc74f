"""The node in this process: its parts, put together over a storage engine."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from joule.errors import StorageError
from joule.node.access import Access
from joule.node.annotations import Annotations
from joule.node.catalog import Catalog
from joule.node.clock import SystemClock
from joule.node.data import StreamData
from joule.node.disk import DiskUsage, disk_usage
from joule.node.events import EventData
from joule.node.followers import Followers
from joule.node.group_commit import GroupCommit
from joule.node.retention import Retention
from joule.storage.migration import check_complete
from joule.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Self

    from joule.node.clock import Clock
    from joule.storage.interfaces import Engine

logger = logging.getLogger(__name__)

MAINTENANCE_PERIOD_S = 10.0


class LocalNode:
    """A node: ``catalog``, ``data``, ``events``, ``annotations``, ``access``, ``followers``.

    All are on one ``engine``.

    The engine is open and belongs to the caller, who closes it after the node.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        uuid: str,
        catalog: Catalog,
        data: StreamData,
        commits: GroupCommit,
        clock: Clock,
        cleanup_period_s: float,
    ) -> None:
        self.engine = engine
        self.name = name
        self.uuid = uuid
        self.version = VERSION
        self.catalog = catalog
        self.data = data
        self.events = EventData(engine.events)
        self.annotations = Annotations(catalog)
        self.access = Access(catalog.records, name)
        self.followers = Followers(catalog.records, uuid)
        self._commits = commits
        self._clock = clock
        self._cleanup_period_s = cleanup_period_s
        self._retention = Retention(catalog, data, self.events, clock)

    @classmethod
    async def open(
        cls,
        engine: Engine,
        name: str,
        *,
        commit_interval_s: float = 1.0,
        cleanup_period_s: float = 60.0,
        clock: Clock | None = None,
    ) -> Self:
        """Load what the engine holds. A new node gets a root folder and a uuid.

        Raises ``StorageError`` for a store that somebody has begun to move another node into.
        """
        await check_complete(engine.catalog)
        clock = clock or SystemClock()
        commits = GroupCommit(engine.samples, clock, commit_interval_s)
        data = StreamData(engine.samples, commits)

        async def drop(data_ids: Sequence[int], event_ids: Sequence[int]) -> None:
            if data_ids:
                await data.drop(data_ids)
            if event_ids:
                await engine.events.drop(event_ids)

        catalog = await Catalog.open(engine.catalog, clock, drop)
        uuid = await _uuid(engine)
        return cls(engine, name, uuid, catalog, data, commits, clock, cleanup_period_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def run(self) -> None:
        """Keep the promises that need time: commits, retention, upkeep; until cancelled."""
        async with asyncio.TaskGroup() as services:
            services.create_task(self._commits.run(), name="group commit")
            services.create_task(
                self._every(self._cleanup_period_s, self._retention.apply), name="retention"
            )
            services.create_task(
                self._every(MAINTENANCE_PERIOD_S, self.engine.maintain), name="maintenance"
            )

    async def close(self) -> None:
        """End all writers and cursors and make everything durable; idempotent.

        Raises ``StorageError`` when the store cannot take the last rows.
        """
        self.data.close()
        await self._commits.flush()

    async def commit(self) -> None:
        """Make everything durable that was accepted so far; raises ``StorageError``."""
        await self._commits.flush()

    async def usage(self) -> DiskUsage:
        """Give the room that data takes, what is left, and what is wrong with it, if anything."""
        usage = await disk_usage(await self.engine.usage())
        return replace(usage, fault=self._commits.fault or usage.fault)

    async def _every(self, period_s: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except StorageError:
                logger.exception("upkeep failed, trying again in %g s", period_s)
            await self._clock.sleep(period_s)


async def _uuid(engine: Engine) -> str:
    uuid = await engine.catalog.get_property("uuid")
    if uuid is None:
        uuid = str(uuid4())
        await engine.catalog.set_property("uuid", uuid)
    return str(uuid)
