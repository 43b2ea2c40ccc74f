"""What a node does, minus HTTP: catalog, ingest, reading, retention and access.

A data stream is a log, every reader is a cursor.
"""

from __future__ import annotations

from joule.node.access import Access
from joule.node.annotations import Annotations
from joule.node.catalog import Catalog
from joule.node.cursor import Cursor
from joule.node.data import StreamData
from joule.node.disk import DiskUsage
from joule.node.events import EventData, Histogram
from joule.node.local_node import LocalNode
from joule.node.log import Log
from joule.node.reading import Reading
from joule.node.writer import Writer

__all__ = [
    "Access",
    "Annotations",
    "Catalog",
    "Cursor",
    "DiskUsage",
    "EventData",
    "Histogram",
    "LocalNode",
    "Log",
    "Reading",
    "StreamData",
    "Writer",
]
