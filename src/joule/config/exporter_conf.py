"""Exporter files: which streams are put into archives, how often, and where those are sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from joule.config.archive_sections import archive_conf, duration, numbered, path_of
from joule.config.configured import option
from joule.config.rules import duration_us
from joule.errors import ConfigurationError, InvalidRequestError
from joule.models.filters import EventFilter
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.config.ini import Section

_FACTOR_MAX = 1_000_000
"""So many rows are held in memory until they become one."""
_NO_FACTOR = f"decimation_factor must be a whole number > 0 and at most {_FACTOR_MAX}"


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data stream that is exported; of ``decimation_factor`` rows their mean."""

    label: str
    path: str
    decimation_factor: int = 1


@dataclass(frozen=True, slots=True)
class EventSource:
    """An event stream that is exported, or those of its events that a filter lets through."""

    label: str
    path: str
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class ExporterConf:
    """An exporter as its file describes it.

    Archives go to the node at ``url``, which opens with ``key``, to ``folder``, or to both.
    ``frequency_us`` is the time between two of them, ``backlog_us`` how long one that cannot be
    delivered is kept (-1: always). ``has_modules`` notes targets that are not exported.
    """

    name: str
    frequency_us: int
    backlog_us: int
    url: str | None = None
    key: str = ""
    folder: Path | None = None
    data: tuple[DataSource, ...] = ()
    events: tuple[EventSource, ...] = ()
    has_modules: bool = False
    file: Path | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """Where archives go: ``node``, ``folder`` or both."""
        there = {"node": self.url, "folder": self.folder}
        return tuple(name for name, place in there.items() if place is not None)


def exporter_from_conf(text: str, file: Path) -> ExporterConf:
    """Read an exporter file; ``ConfigurationError`` names file, section and option."""

    def build(main: Section, sections: Mapping[str, Section]) -> ExporterConf:
        return _exporter(main, sections, file)

    return archive_conf(text, file, "exporter", build)


def _exporter(main: Section, sections: Mapping[str, Section], file: Path) -> ExporterConf:
    target = sections.get("Target")
    if target is None:
        raise ConfigurationError("missing section [Target]")
    duration(target, "retain")  # asked for by Joule 1.0, which does nothing with it
    folder = target.text("path")
    url = target.text("destination_url") or target.text("url")
    key = target.text("destination_url_key") or target.text("importer_api_key")
    if not url and not folder:
        raise target.fault("destination_url", "missing destination_url or path")
    return ExporterConf(
        name=main.required("name"),
        frequency_us=option(target, "frequency", None, duration_us),
        backlog_us=duration(target, "backlog"),
        url=_url(target, url) if url else None,
        key=key or "",
        folder=Path(folder) if folder else None,
        data=tuple(map(_data_source, numbered(sections, "DataStream"))),
        events=tuple(map(_event_source, numbered(sections, "EventStream"))),
        has_modules=bool(numbered(sections, "Module")),
        file=file,
    )


def _url(target: Section, url: str) -> str:
    if not url.startswith(("http://", "https://")):
        text = f"[{without_password(url)}] does not begin with http:// or https://"
        raise target.fault("destination_url", text)
    return url.rstrip("/")


def _data_source(section: Section) -> DataSource:
    factor = 1
    if section.text("decimation_factor"):
        factor = section.convert("decimation_factor", int, _NO_FACTOR)
    if not 1 <= factor <= _FACTOR_MAX:
        raise section.fault("decimation_factor", _NO_FACTOR)
    return DataSource(section.required("source_label"), path_of(section), factor)


def _event_source(section: Section) -> EventSource:
    text = section.text("filter")
    return EventSource(
        section.required("source_label"),
        path_of(section),
        option(section, "filter", None, _filter) if text else None,
    )


def _filter(text: str) -> str:
    try:
        EventFilter.parse(text)
    except InvalidRequestError as error:
        raise ConfigurationError(error.text) from error
    return text
