"""Importer files: where the streams of the archives of other nodes go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from joule.config.archive_sections import archive_conf, numbered, path_of
from joule.config.configured import option
from joule.config.rules import keep_us
from joule.errors import ConfigurationError
from joule.models.base import KEEP_ALL
from joule.models.intervals import MAX_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from joule.config.ini import Section


class OnConflict(StrEnum):
    """What becomes of an event when another one has the same times and another content."""

    KEEP_SOURCE = "keep_source"
    KEEP_DESTINATION = "keep_destination"
    KEEP_BOTH = "keep_both"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class DataTarget:
    """Where a data stream goes; rows up to ``merge_gap_us`` after the last join its interval."""

    label: str
    path: str
    merge_gap_us: int = 0


@dataclass(frozen=True, slots=True)
class EventTarget:
    """Where an event stream goes."""

    label: str
    path: str
    on_conflict: OnConflict = OnConflict.KEEP_BOTH


@dataclass(frozen=True, slots=True)
class ImporterConf:
    """An importer as its file describes it: for archives of this name, from one node or any."""

    name: str
    node: str | None = None
    data: tuple[DataTarget, ...] = ()
    events: tuple[EventTarget, ...] = ()
    file: Path | None = None


def importer_from_conf(text: str, file: Path) -> ImporterConf:
    """Read an importer file; ``ConfigurationError`` names file, section and option."""

    def build(main: Section, sections: Mapping[str, Section]) -> ImporterConf:
        return ImporterConf(
            name=main.required("name"),
            node=main.text("node") or None,
            data=tuple(map(_data_target, numbered(sections, "DataStream"))),
            events=tuple(map(_event_target, numbered(sections, "EventStream"))),
            file=file,
        )

    return archive_conf(text, file, "importer", build)


def _data_target(section: Section) -> DataTarget:
    gap = option(section, "merge_gap", "none", keep_us)
    return DataTarget(
        section.required("source_label"),
        path_of(section),
        MAX_TIME if gap == KEEP_ALL else min(gap, MAX_TIME),
    )


def _event_target(section: Section) -> EventTarget:
    return EventTarget(
        section.required("source_label"),
        path_of(section),
        option(section, "on_conflict", None, _on_conflict),
    )


def _on_conflict(text: str) -> OnConflict:
    try:
        return OnConflict(text.lower())
    except ValueError as error:
        raise ConfigurationError(
            f"invalid on_conflict [{text}], choose from [{', '.join(OnConflict)}]"
        ) from error
