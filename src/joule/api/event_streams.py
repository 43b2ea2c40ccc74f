"""Event streams and their events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from joule.api import targets
from joule.api.answers import listed, member, understood
from joule.api.event_reading import EventReading, EventSelection
from joule.api.event_writing import write_events
from joule.api.part import NodePart
from joule.errors import InvalidRequestError, NotFoundError
from joule.models.events import Event, EventStream, EventStreamInfo
from joule.wire.json_models import (
    event_stream_from_json,
    event_stream_to_json,
    info_from_json,
)
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.api.targets import EventStreamSpec, FolderSpec

DEFAULT_LIMIT = 10_000


class EventStreamActions(NodePart):
    """Event stream methods of a node.

    Times are UNIX microseconds. A ``json_filter`` is the JSON of a list of lists of
    ``[key, comparison, value]``: the inner lists are AND, the outer list is OR. Comparisons are
    ``is, not, like, unlike`` for text and ``gt, gte, lt, lte, eq, neq`` for numbers; an event
    without the key never matches.
    """

    async def event_stream_get(
        self,
        stream: EventStreamSpec,
        create: bool = False,
        description: str = "",
        event_fields: dict[str, str] | None = None,
        chunk_duration: str = "",
        chunk_duration_us: int | None = None,
    ) -> EventStream:
        """Get an event stream; with ``create`` and a path it is made if it does not exist.

        The other arguments are those of a stream that is made. Raises ``StreamNotFound``.
        """
        try:
            answer = await self.session.get(Route.EVENT, targets.event_stream(stream))
        except NotFoundError:
            if not create or not isinstance(stream, str):
                raise
        else:
            return understood(event_stream_from_json, answer)
        folder, _, name = stream.rpartition("/")
        missing = EventStream(
            name,
            description,
            chunk_duration,
            chunk_duration_us,  # type: ignore[arg-type]  # None: not given
            event_fields=event_fields or {},
        )
        return await self.event_stream_create(missing, folder or "/")

    async def event_stream_create(self, stream: EventStream, folder: FolderSpec) -> EventStream:
        """Create an event stream and give it as the node stored it.

        A folder given as a path is created if it does not exist. Raises ``InvalidRequestError``
        with the rule that the stream breaks, ``ConflictError`` when the folder has a stream of
        that name.
        """
        targets.instance(stream, EventStream, "stream")
        body = {"stream": event_stream_to_json(stream)} | targets.folder(folder, "dest_")
        return understood(event_stream_from_json, await self.session.post(Route.EVENT, body))

    async def event_stream_update(self, stream: EventStream) -> None:
        """Save name, description, fields and keep of an event stream."""
        targets.instance(stream, EventStream, "stream")
        await self.session.put(
            Route.EVENT, {"id": stream.id, "stream": event_stream_to_json(stream)}
        )

    async def event_stream_move(self, stream: EventStreamSpec, folder: FolderSpec) -> None:
        """Move an event stream into a folder, which is created if it is a new path."""
        body = targets.event_stream(stream, "src_", "source")
        body |= targets.folder(folder, "dest_", "destination")
        await self.session.put(Route.EVENT_MOVE, body)

    async def event_stream_delete(self, stream: EventStreamSpec) -> None:
        """Delete an event stream with its events."""
        await self.session.delete(Route.EVENT, targets.event_stream(stream))

    async def event_stream_info(self, stream: EventStreamSpec) -> EventStreamInfo:
        """Get first start, last end (UNIX us) and number of the events of a stream."""
        answer = await self.session.get(Route.EVENT, targets.event_stream(stream))
        return understood(partial(info_from_json, EventStreamInfo), member("data_info", answer))

    async def event_stream_write(
        self, stream: EventStreamSpec, events: Sequence[Event]
    ) -> Sequence[Event]:
        """Store events and give the same list, ids filled in.

        An event that has been read from or written to this stream before is updated, any other
        one is added. When it returns they are stored for certain. A large list travels in several
        requests; if one fails, those before it have been stored.
        """
        target = targets.event_stream(stream)
        await write_events(self.session, target, events)
        return events

    def event_stream_read(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        limit: int = DEFAULT_LIMIT,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
        block_size: int | None = None,
    ) -> EventReading:
        """Read events in the order of their start times; use it in one of two ways.

        ``await node.event_stream_read(...)`` gives a list of at most the first ``limit`` events.
        ``async for event in node.event_stream_read(...)`` gives all of them, a few at a time, or
        with ``block_size`` lists of up to that many. All events that are active in ``[start, end)``
        are given, or without ``include_on_going_events`` those that begin in it.
        """
        if not _is_count(limit):
            raise InvalidRequestError("limit must be an integer > 0")
        if block_size is not None and not _is_count(block_size):
            raise InvalidRequestError("block_size must be an integer > 0")
        selection = _selection(stream, start, end, json_filter, include_on_going_events)
        return EventReading(self.session, selection, block_size, limit)

    async def event_stream_read_list(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
        limit: int = DEFAULT_LIMIT,
    ) -> list[Event]:
        """Read at most the first ``limit`` events; logs a warning when there are more."""
        return await self.event_stream_read(
            stream, start, end, limit, json_filter, include_on_going_events
        )

    async def event_stream_count(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
    ) -> int:
        """Count the events that :meth:`event_stream_read` would give."""
        selection = _selection(stream, start, end, json_filter, include_on_going_events)
        answer = await self.session.get(Route.EVENT_DATA_COUNT, selection.params())
        return understood(int, member("count", answer))

    async def event_stream_histogram(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
    ) -> list[Event]:
        """Count the events that begin in each of about 100 pieces of a range.

        Gives an event per piece, ``content`` ``{"count": n}``; none when there are no events.
        """
        selection = _selection(stream, start, end, json_filter, ongoing=False)
        answer = await self.session.get(Route.EVENT_DATA, selection.params() | {"limit": 0})
        return listed(_piece, member("events", answer))

    async def event_stream_remove(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
    ) -> None:
        """Remove the events that are active in ``[start, end)`` and match the filter."""
        params = targets.event_stream(stream) | targets.bounds(start, end)
        if json_filter:
            params["filter"] = json_filter
        await self.session.delete(Route.EVENT_DATA, params)


def _piece(item: Any) -> Event:
    """Make an event of a piece of a histogram, which no stream has stored."""
    return Event(item["start_time"], item["end_time"], item["content"])


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _selection(
    stream: EventStreamSpec,
    start: float | None,
    end: float | None,
    json_filter: str | None,
    ongoing: Any,
) -> EventSelection:
    limits = targets.bounds(start, end)
    return EventSelection(
        target=targets.event_stream(stream),
        start=limits.get("start"),
        end=limits.get("end"),
        json_filter=json_filter,
        ongoing=bool(ongoing),
    )
