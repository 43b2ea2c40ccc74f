"""Scenes for the tests of archives: two nodes' worth of streams, and what is in a zip file."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from joule.config.exporter_conf import DataSource, EventSource, ExporterConf
from joule.config.importer_conf import DataTarget, EventTarget, ImporterConf
from joule.models.events import Event, EventStream
from joule.models.intervals import ALL_TIME
from joule.storage.interfaces import EventQuery
from tests.unit.node.support import make_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from joule.models.streams import DataStream
    from joule.node import LocalNode
    from joule.node.archives import Importers
    from joule.utilities import ImportLogger

HOUR_US = 3_600_000_000

EXPORTER = ExporterConf(
    "daily",
    HOUR_US,
    -1,
    data=(DataSource("volts", "/a/s"),),
    events=(EventSource("trips", "/a/e"),),
)

IMPORTER = ImporterConf(
    "daily",
    data=(DataTarget("volts", "/mirror/s"),),
    events=(EventTarget("trips", "/mirror/e"),),
)


async def furnish(node: LocalNode) -> tuple[DataStream, EventStream]:
    """Give the streams that the exporter is about."""
    data = await node.catalog.create_stream(make_stream(), "/a")
    events = await node.catalog.create_stream(EventStream("e"), "/a")
    return data, events


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


def taken(importers: Importers, file: Path) -> Coroutine[Any, Any, ImportLogger]:
    """Let an archive be imported."""
    return importers.take(pieces(file.read_bytes()))


def texts(report: ImportLogger) -> list[str]:
    """All messages of a report, each with a letter for its degree."""
    degrees = {
        "i": report.info_messages,
        "w": report.warning_messages,
        "e": report.error_messages,
    }
    return [f"{mark} {each.message}" for mark, found in degrees.items() for each in found]


async def events_of(node: LocalNode, stream: EventStream) -> list[Event]:
    return await node.events.read(stream, EventQuery(ALL_TIME))


def names(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def json_in(file: Path, name: str) -> Any:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read(name))
