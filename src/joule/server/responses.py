"""The few forms that a successful answer has."""

from __future__ import annotations

from aiohttp import web


def ok() -> web.Response:
    """Answer a command that has no result."""
    return web.Response(text="ok")
