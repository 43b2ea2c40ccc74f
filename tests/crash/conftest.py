"""A node of its own for each crash test."""

from __future__ import annotations

from tests.integration.conftest import daemon

__all__ = ["daemon"]
