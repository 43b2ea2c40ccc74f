"""Folders, streams and elements: in memory as domain objects, written through to the store."""

from __future__ import annotations

from joule.node.catalog.catalog import Catalog

__all__ = ["Catalog"]
