"""Annotations: notes on a moment or a range of a data stream."""

from __future__ import annotations

from dataclasses import dataclass, field

from joule.models.base import Saved


@dataclass(repr=False)
class Annotation(Saved):
    """A note on a data stream at ``start`` or over ``[start, end]`` (UNIX us)."""

    title: str
    start: int
    end: int | None = None
    content: str | None = ""
    stream_id: int | None = field(default=None, compare=False, kw_only=True)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"<joule.api.Annotation id={self._id} stream_id={self.stream_id} "
            f"title={self.title!r} start={self.start} end={self.end}>"
        )


@dataclass(frozen=True, slots=True)
class AnnotationInfo:
    """First and last start time of a stream's annotations in UNIX us, and how many there are."""

    start: int | None = None
    end: int | None = None
    count: int = 0
