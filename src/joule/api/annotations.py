"""Annotations of data streams."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from joule.api import targets
from joule.api.answers import listed, understood
from joule.api.part import NodePart
from joule.models.annotations import Annotation, AnnotationInfo
from joule.wire.json_models import (
    annotation_from_json,
    info_from_json,
)
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.api.targets import DataStreamSpec


class AnnotationActions(NodePart):
    """Annotation methods of a node. Times are UNIX microseconds."""

    async def annotation_create(self, annotation: Annotation, stream: DataStreamSpec) -> Annotation:
        """Add an annotation to a data stream and give it as the node stored it."""
        targets.instance(annotation, Annotation, "annotation")
        body = targets.data_stream(stream, "stream_")
        body |= {"title": annotation.title, "content": annotation.content}
        body |= {"start": annotation.start, "end": annotation.end}
        return understood(annotation_from_json, await self.session.post(Route.ANNOTATION, body))

    async def annotation_get(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> list[Annotation]:
        """Get the annotations of a stream that start in ``start <= t <= end``, or all of them."""
        params = targets.data_stream(stream, "stream_") | targets.bounds(start, end)
        return listed(annotation_from_json, await self.session.get(Route.ANNOTATIONS, params))

    async def annotation_update(self, annotation: Annotation) -> Annotation:
        """Save title and content of an annotation; its times cannot be changed."""
        targets.instance(annotation, Annotation, "annotation")
        title, content = annotation.title, annotation.content
        body = {"id": annotation.id, "title": title, "content": content}
        return understood(annotation_from_json, await self.session.put(Route.ANNOTATION, body))

    async def annotation_delete(self, annotation: Annotation | int) -> None:
        """Delete an annotation."""
        await self.session.delete(Route.ANNOTATION, targets.annotation(annotation))

    async def annotation_info(self, stream: DataStreamSpec) -> AnnotationInfo:
        """Get how many annotations a stream has, and the first and last of their start times."""
        params = targets.data_stream(stream, "stream_")
        answer = await self.session.get(Route.ANNOTATIONS_INFO, params)
        return understood(partial(info_from_json, AnnotationInfo), answer)
