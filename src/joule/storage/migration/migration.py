"""One migration: begun or taken up again, copied, compared, completed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from joule.storage.interfaces import Kind
from joule.storage.migration import mark
from joule.storage.migration.catalog import (
    catalog_differences,
    copy_catalog,
    data_streams,
    gone,
    stream_path,
)
from joule.storage.migration.events import copy_events, events_sum
from joule.storage.migration.rows import copy_rows, rows_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from joule.storage.interfaces import CatalogSnapshot, Engine, StreamRef
    from joule.storage.migration.events import EventSum
    from joule.storage.migration.rows import RowSum

    Advance = Callable[[int], None]

T = TypeVar("T")


class Migration:
    """Moves what is in ``source`` to ``target``, both entered; the source stays as it is.

    ``advance`` of its methods is told how many more rows and events are done.
    """

    def __init__(self, source: Engine, target: Engine) -> None:
        self._source = source
        self._target = target
        self._catalog: CatalogSnapshot
        self.length = 0
        """Rows and events of the source, known when it has begun."""

    async def begin(self) -> bool:
        """Look at both ends, and tell whether the same migration was completed before.

        Raises ``StorageError`` when the destination is neither empty nor half done.
        """
        if await mark.begin(self._source.catalog, self._target.catalog):
            return True
        self._catalog = await self._source.catalog.load()
        samples = await self._source.samples.infos(self.streams)
        events = [await self._source.events.info(id_) for id_ in self._event_streams()]
        self.length = sum(info.rows for info in samples) + sum(info.count for info in events)
        return False

    async def copy(self, advance: Advance) -> None:
        """Copy what the destination does not have; durable on return."""
        ends = self._source.catalog, self._target.catalog
        if data := await gone(*ends, Kind.DATA_STREAM):
            await self._target.samples.drop(data)
        if events := await gone(*ends, Kind.EVENT_STREAM):
            await self._target.events.drop(events)
        await copy_catalog(*ends)
        for stream in self.streams:
            await copy_rows(self._source.samples, self._target.samples, stream, advance)
        await self._target.samples.commit()
        for id_ in self._event_streams():
            await copy_events(self._source.events, self._target.events, id_, advance)

    async def compare(self, advance: Advance) -> list[str]:
        """Read everything from both ends and tell what differs."""
        source, target = self._source, self._target
        found = await catalog_differences(source.catalog, target.catalog)
        for stream in self.streams:
            rows = await _both(
                rows_sum(source.samples, stream, advance),
                rows_sum(target.samples, stream, _ignore),
            )
            found += _differences(stream.name, *rows)
        for id_, path in self._event_streams().items():
            events = await _both(
                events_sum(source.events, id_, advance), events_sum(target.events, id_, _ignore)
            )
            found += _differences(path, *events)
        return found

    async def complete(self) -> None:
        """Note in the destination that a node may use it."""
        await mark.complete(self._target.catalog)

    @property
    def streams(self) -> list[StreamRef]:
        """The data streams of the source."""
        return data_streams(self._catalog)

    def _event_streams(self) -> dict[int, str]:
        """Give the path of each event stream by id."""
        return {
            record.id: stream_path(self._catalog, record) for record in self._catalog.event_streams
        }


def _ignore(_done: int) -> None:
    """Count what the source does alone."""


async def _both(source: Coroutine[Any, Any, T], target: Coroutine[Any, Any, T]) -> tuple[T, T]:
    """Do two things at once; the first error ends both."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(source), group.create_task(target)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tasks[0].result(), tasks[1].result()


def _differences(path: str, source: RowSum | EventSum, target: RowSum | EventSum) -> list[str]:
    """Tell the first thing in which two sums of a stream differ."""
    for name, left, right in zip(source._fields, source, target, strict=True):
        if left != right:
            counts = f" ({left} in the source, {right} in the destination)"
            return [f"{path}: the {name} differ{counts if isinstance(left, int) else ''}"]
    return []
