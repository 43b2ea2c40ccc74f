"""The usual forms of the JSON of many events, as types that msgspec decodes straight into.

Only ``event_text.py`` imports this: loading msgspec takes some milliseconds that few processes
need. A text with a key that is not here has no usual form; ``StoredIds`` alone skips the rest.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct
from msgspec.json import Decoder

Int64: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class EventForm(Struct, gc=False, forbid_unknown_fields=True):
    """An event."""

    start_time: Int64
    end_time: Int64 | None
    content: dict[str, Any]
    event_stream_id: Int64 | None
    id: Int64 | None = None


class SentForm(Struct, forbid_unknown_fields=True):
    """Events on the way into a stream, which is named by path or id."""

    events: list[EventForm]
    path: Any = None
    id: Any = None


class FoundEvent(Struct, gc=False, forbid_unknown_fields=True):
    """An event that was read."""

    id: Int64
    event_stream_id: Int64
    start_time: Int64
    end_time: Int64 | None
    content: dict[str, Any]


class FoundForm(Struct, forbid_unknown_fields=True):
    """Events that were read."""

    events: list[FoundEvent]
    count: Any = None
    type: Any = None


class StoredIds(Struct, gc=False):
    """What a node has made of an event that was written."""

    id: Int64
    event_stream_id: Int64


class StoredForm(Struct):
    """What a node has made of events that were written, and which node; an old one is silent."""

    events: list[StoredIds]
    node_uuid: str | None = None


sent = Decoder(SentForm).decode
found = Decoder(FoundForm).decode
stored = Decoder(StoredForm).decode
