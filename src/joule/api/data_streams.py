"""Data streams, without their rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from joule.api import targets
from joule.api.answers import member, understood
from joule.api.part import NodePart
from joule.models.streams import DataStream, DataStreamInfo
from joule.wire.json_models import (
    data_stream_from_json,
    data_stream_to_json,
    info_from_json,
)
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.api.targets import DataStreamSpec, FolderSpec


class DataStreamActions(NodePart):
    """Data stream methods of a node."""

    async def data_stream_get(self, stream: DataStreamSpec) -> DataStream:
        """Get a data stream as the node knows it now.

        Raises ``StreamNotFound`` (``stream does not exist``).
        """
        params = targets.data_stream(stream) | {"no-info": ""}
        return understood(data_stream_from_json, await self.session.get(Route.STREAM, params))

    async def data_stream_create(self, stream: DataStream, folder: FolderSpec) -> DataStream:
        """Create a data stream and give it as the node stored it.

        Ids and status flags of the argument are ignored, so that any stream can be a template. A
        folder given as a path is created if it does not exist. Raises ``InvalidRequestError``
        with the rule that the stream breaks, ``ConflictError`` when the folder has a stream of
        that name.
        """
        targets.instance(stream, DataStream, "stream")
        body = {"stream": data_stream_to_json(stream)} | targets.folder(folder, "dest_")
        return understood(data_stream_from_json, await self.session.post(Route.STREAM, body))

    async def data_stream_update(self, stream: DataStream) -> None:
        """Save name, description, keep, decimate and the attributes of the elements.

        Datatype and number of elements cannot be changed. Raises ``LockedError``,
        ``ConflictError`` for a name that is taken, ``InvalidRequestError`` with the broken rule.
        """
        targets.instance(stream, DataStream, "stream")
        await self.session.put(
            Route.STREAM, {"id": stream.id, "stream": data_stream_to_json(stream)}
        )

    async def data_stream_move(self, stream: DataStreamSpec, folder: FolderSpec) -> None:
        """Move a data stream into a folder, which is created if it is a path that does not exist.

        Its rows follow it. Raises ``LockedError``, or ``ConflictError`` when the folder has a
        stream of that name.
        """
        body = targets.data_stream(stream, "src_", "source")
        body |= targets.folder(folder, "dest_", "destination")
        await self.session.put(Route.STREAM_MOVE, body)

    async def data_stream_delete(self, stream: DataStreamSpec) -> None:
        """Delete a data stream with its rows and annotations; raises ``LockedError``."""
        await self.session.delete(Route.STREAM, targets.data_stream(stream))

    async def data_stream_info(self, stream: DataStreamSpec) -> DataStreamInfo:
        """Get the bounds (UNIX us), number of rows and size of what is stored of a stream."""
        answer = await self.session.get(Route.STREAM, targets.data_stream(stream))
        return understood(partial(info_from_json, DataStreamInfo), member("data_info", answer))

    async def data_stream_annotation_delete(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> None:
        """Delete the annotations of a stream that start in ``start <= t <= end`` (UNIX us).

        A bound that is not given is that of the stream's annotations.
        """
        params = targets.data_stream(stream, "stream_") | targets.bounds(start, end)
        await self.session.delete(Route.STREAM_ANNOTATIONS, params)
