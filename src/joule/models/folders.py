"""Folders: the tree that streams live in."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from joule.models.base import Saved

if TYPE_CHECKING:
    from datetime import datetime

    from joule.models.events import EventStream
    from joule.models.streams import DataStream

ROOT_NAME = "root"


@dataclass(eq=False, repr=False)
class Folder(Saved):
    """A folder with its subfolders and streams; ``locked`` when it or anything in it is in use."""

    name: str = ""
    _: KW_ONLY
    description: str | None = None
    locked: bool = False
    children: list[Folder] = field(default_factory=list)
    data_streams: list[DataStream] = field(default_factory=list)
    event_streams: list[EventStream] = field(default_factory=list)
    updated_at: datetime | None = None

    def __repr__(self) -> str:
        return (
            f"<joule.api.Folder id={self._id} name={self.name!r} "
            f"description={self.description!r} locked={self.locked}>"
        )
