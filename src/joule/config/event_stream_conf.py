"""Event stream files: ``[Main]`` and one ``[FieldN]`` section per field of the events' content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.config.ini import Section, main_section, parse_ini
from joule.config.rules import folder_path, keep_us
from joule.config.stream_conf import option, stream_name
from joule.errors import ConfigurationError
from joule.models.events import EventStream, check_event_fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FIELD = re.compile(r"Field\d")


@dataclass(frozen=True, slots=True)
class ConfiguredEventStream:
    """An event stream as its file describes it, and the path of the folder it belongs in."""

    stream: EventStream
    folder: str
    file: Path | None = None

    @property
    def path(self) -> str:
        """Full path of the stream."""
        return f"{self.folder.rstrip('/')}/{self.stream.name}"


def event_stream_from_conf(text: str, file: Path) -> ConfiguredEventStream:
    """Read an event stream file; ``ConfigurationError`` names file, section and option."""
    sections = parse_ini(text, str(file))
    try:
        main = main_section(sections)
        stream = EventStream(
            name=stream_name(main),
            description=main.text("description") or "",
            keep_us=option(main, "keep", "all", keep_us),
            event_fields=_fields(sections),
            is_configured=True,
        )
        stream.check()
        return ConfiguredEventStream(stream, option(main, "path", None, folder_path), file)
    except ConfigurationError as error:
        raise ConfigurationError(f"Invalid event stream [{file}]: {error}") from error


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
