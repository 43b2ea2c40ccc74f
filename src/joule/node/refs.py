"""Streams as the sample store knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from joule.models.streams import DataStream


def ref_of(stream: DataStream) -> StreamRef:
    """Give what the store needs to know of a stream, as it is now."""
    return StreamRef(stream.id, stream.rows_layout, stream.decimate, stream.name)
