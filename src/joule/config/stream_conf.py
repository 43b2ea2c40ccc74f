"""Data stream files: ``[Main]`` and one ``[ElementN]`` section per element, in file order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from joule.config.configured import configured_stream, option, stream_name
from joule.config.rules import keep_us
from joule.errors import ConfigurationError
from joule.models.base import DATATYPES
from joule.models.streams import DataStream, Element

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from joule.config.configured import ConfiguredStream
    from joule.config.ini import Section

_ELEMENT = re.compile(r"Element\d")


def data_stream_from_conf(text: str, file: Path) -> ConfiguredStream[DataStream]:
    """Read a data stream file; ``ConfigurationError`` names file, section and option."""
    return configured_stream(text, file, "data stream", _data_stream)


def _data_stream(main: Section, sections: Mapping[str, Section]) -> DataStream:
    return DataStream(
        name=stream_name(main),
        description=main.text("description") or "",
        datatype=_datatype(main),
        keep_us=option(main, "keep", "all", keep_us),
        decimate=main.boolean("decimate", True),
        elements=_elements(sections),
        is_configured=True,
    )


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
