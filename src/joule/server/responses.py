"""The few forms that a successful answer has."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from joule.wire.json_text import encoded


def ok() -> web.Response:
    """Answer a command that has no result."""
    return web.Response(text="ok")


def long_json(value: Any) -> web.Response:
    """Answer with JSON that may be long, and therefore has no blanks."""
    return json_text_answer(encoded(value))


def json_text_answer(text: bytes) -> web.Response:
    """Answer with the text of JSON."""
    return web.Response(body=text, content_type="application/json", charset="utf-8")
