"""Data stream files: ``[Main]`` and one ``[ElementN]`` section per element, in file order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from joule.config.ini import Section, main_section, parse_ini
from joule.config.rules import folder_path, keep_us
from joule.errors import ConfigurationError
from joule.models.base import name_fault
from joule.models.layout import DATATYPES
from joule.models.streams import DataStream, Element

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")
_ELEMENT = re.compile(r"Element\d")


@dataclass(frozen=True, slots=True)
class ConfiguredStream:
    """A data stream as its file describes it, and the path of the folder it belongs in."""

    stream: DataStream
    folder: str
    file: Path | None = None

    @property
    def path(self) -> str:
        """Full path of the stream."""
        return f"{self.folder.rstrip('/')}/{self.stream.name}"


def data_stream_from_conf(text: str, file: Path) -> ConfiguredStream:
    """Read a data stream file; ``ConfigurationError`` names file, section and option."""
    sections = parse_ini(text, str(file))
    try:
        main = main_section(sections)
        stream = DataStream(
            name=stream_name(main),
            description=main.text("description") or "",
            datatype=_datatype(main),
            keep_us=option(main, "keep", "all", keep_us),
            decimate=main.boolean("decimate", True),
            elements=_elements(sections),
            is_configured=True,
        )
        stream.check()
        return ConfiguredStream(stream, option(main, "path", None, folder_path), file)
    except ConfigurationError as error:
        raise ConfigurationError(f"Invalid data stream [{file}]: {error}") from error


def stream_name(main: Section) -> str:
    """Give the name of a data stream or event stream."""
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


def _datatype(main: Section) -> str:
    text = main.required("datatype")
    if text.lower() not in DATATYPES:
        raise main.fault(
            "datatype",
            f"invalid datatype [{text}], choose from [float64, float32, int64, int32, int16]",
        )
    return text.lower()


def _elements(sections: Mapping[str, Section]) -> list[Element]:
    found = [section for name, section in sections.items() if _ELEMENT.match(name)]
    if not found:
        raise ConfigurationError(
            "stream must have at least one element, add a section [Element1] with a name"
        )
    elements = [_element(section, index) for index, section in enumerate(found)]
    for section, element in zip(found, elements, strict=True):
        if any(other.name == element.name for other in elements[: element.index]):
            raise section.fault("name", f"element names must be unique, [{element.name}] is taken")
    return elements


def _element(section: Section, index: int) -> Element:
    element = Element(
        name=section.required("name"),
        units=section.text("units"),
        plottable=section.boolean("plottable", True),
        display_type=(section.text("display_type") or "continuous").lower(),
        offset=section.number("offset", 0.0),
        scale_factor=section.number("scale_factor", 1.0),
        default_max=_limit(section, "default_max"),
        default_min=_limit(section, "default_min"),
        index=index,
    )
    try:
        element.check()
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} ([{section.name}])") from error
    return element


def _limit(section: Section, name: str) -> float | None:
    text = section.text(name)
    return None if text is None or text.lower() == "none" else section.number(name, 0.0)
