"""Event stream files: ``[Main]`` and one ``[FieldN]`` section per field of the events' content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from joule.config.configured import configured_stream, option, stream_name
from joule.config.rules import keep_us
from joule.models.events import EventStream, check_event_fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from joule.config.configured import ConfiguredStream
    from joule.config.ini import Section

_FIELD = re.compile(r"Field\d")


def event_stream_from_conf(text: str, file: Path) -> ConfiguredStream[EventStream]:
    """Read an event stream file; ``ConfigurationError`` names file, section and option."""
    return configured_stream(text, file, "event stream", _event_stream)


def _event_stream(main: Section, sections: Mapping[str, Section]) -> EventStream:
    return EventStream(
        name=stream_name(main),
        description=main.text("description") or "",
        keep_us=option(main, "keep", "all", keep_us),
        event_fields=_fields(sections),
        is_configured=True,
    )


def _fields(sections: Mapping[str, Section]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for section in (section for name, section in sections.items() if _FIELD.match(name)):
        name = section.required("name")
        if name in fields:
            raise section.fault("name", f"field names must be unique, [{name}] is taken")
        fields[name] = option(section, "type", None, _field_type)
    return fields


def _field_type(text: str) -> str:
    base, colon, labels = text.partition(":")
    kind = f"{base.strip().lower()}{colon}{labels.strip()}"
    check_event_fields({"field": kind})
    return kind
