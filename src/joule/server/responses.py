"""The few forms that a successful answer has."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from aiohttp import web

_compact = partial(json.dumps, separators=(",", ":"))


def ok() -> web.Response:
    """Answer a command that has no result."""
    return web.Response(text="ok")


def long_json(value: Any) -> web.Response:
    """Answer with JSON that may be long, and therefore has no blanks."""
    return web.json_response(value, dumps=_compact)
