"""What readers of outside sources share: a broker, a line, a device, a web service.

A reader says how to get at its source (``Source``); turning values into elements, giving rows
their times, breaks after gaps, and connecting again and again are written here, once.
"""

from __future__ import annotations

from joule.client.sources.complaints import Complaints
from joule.client.sources.elements import ElementLine, parse_elements
from joule.client.sources.extras import extra
from joule.client.sources.polled_reader import PolledReader
from joule.client.sources.source import PolledSource, Row, Source, SourceLostError
from joule.client.sources.source_reader import SourceReader

__all__ = [
    "Complaints",
    "ElementLine",
    "PolledReader",
    "PolledSource",
    "Row",
    "Source",
    "SourceLostError",
    "SourceReader",
    "extra",
    "parse_elements",
]
