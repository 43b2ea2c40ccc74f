"""What the files of exporters and of importers have in common: numbered sections of streams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from joule.config.configured import option
from joule.config.ini import main_section, parse_ini
from joule.config.rules import keep_us, stream_path
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import TypeVar

    from joule.config.ini import Section

    T = TypeVar("T")


def archive_conf(
    text: str, file: Path, noun: str, build: Callable[[Section, Mapping[str, Section]], T]
) -> T:
    """Read such a file; ``build`` makes the value of ``[Main]`` and all sections.

    ``ConfigurationError`` names file, section and option.
    """
    sections = parse_ini(text, str(file))
    try:
        return build(main_section(sections), sections)
    except ConfigurationError as error:
        raise ConfigurationError(f"Invalid {noun} [{file}]: {error}") from error


def numbered(sections: Mapping[str, Section], kind: str) -> list[Section]:
    """Give the sections ``[<kind>.<n>]`` in file order; no two may have the same label."""
    found = [section for name, section in sections.items() if re.fullmatch(rf"{kind}\.\d+", name)]
    _check_labels(found)
    return found


def path_of(section: Section) -> str:
    """Give the path of the stream that a section is about."""
    return option(section, "path", None, stream_path)


def duration(section: Section, name: str) -> int:
    """Give ``all`` (-1), ``none`` (0) or a length of time in microseconds; it must be there."""
    return option(section, name, None, keep_us)


def _check_labels(sections: Iterable[Section]) -> None:
    labels: set[str] = set()
    for section in sections:
        label = section.required("source_label")
        if label in labels:
            raise section.fault("source_label", f"labels must be unique, [{label}] is taken")
        labels.add(label)
