"""What the files of data streams and of event streams have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from joule.config.ini import Section, main_section, parse_ini
from joule.config.rules import folder_path
from joule.errors import ConfigurationError
from joule.models.base import name_fault
from joule.models.streams import StreamKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConfiguredStream(Generic[StreamKind]):
    """A stream as its file describes it, and the path of the folder it belongs in."""

    stream: StreamKind
    folder: str
    file: Path | None = None

    @property
    def path(self) -> str:
        """Full path of the stream."""
        return f"{self.folder.rstrip('/')}/{self.stream.name}"


def configured_stream(
    text: str,
    file: Path,
    noun: str,
    build: Callable[[Section, Mapping[str, Section]], StreamKind],
) -> ConfiguredStream[StreamKind]:
    """Read a stream file; ``build`` makes the stream of ``[Main]`` and all sections.

    ``ConfigurationError`` names file, section and option.
    """
    sections = parse_ini(text, str(file))
    try:
        main = main_section(sections)
        stream = build(main, sections)
        stream.check()
        return ConfiguredStream(stream, option(main, "path", None, folder_path), file)
    except ConfigurationError as error:
        raise ConfigurationError(f"Invalid {noun} [{file}]: {error}") from error


def stream_name(main: Section) -> str:
    """Give the name of a stream."""
    name = main.required("name")
    fault = name_fault(name)
    if fault is not None:
        raise main.fault("name", fault)
    return name


def option(section: Section, name: str, default: str | None, parse: Callable[[str], T]) -> T:
    """Give ``parse(value)``; its ``ConfigurationError`` then names section and option.

    Without a default the option is required.
    """
    text = section.required(name) if default is None else section.text(name) or default
    try:
        return parse(text)
    except ConfigurationError as error:
        raise section.fault(name, str(error)) from error
