"""How the server answers when something goes wrong, and what a lost client may interrupt."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

from joule.errors import InvalidRequestError, JouleError
from joule.wire.faults import FAULT_HEADER, status_of, text_of
from joule.wire.routes import APP_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = logging.getLogger(__name__)

_REASON_MAX = 200


def fault_response(error: JouleError, text: str | None = None) -> web.Response:
    """Give the answer for an error: its status, its bare text and its kind.

    What cannot be sent, halves of characters that the request had in it, becomes ``?``.
    """
    status = status_of(error)
    body = (text_of(error) if text is None else text).encode(errors="replace").decode()
    return web.Response(
        status=status,
        reason=reason_phrase(body) or HTTPStatus(status).phrase,
        text=body,
        headers={FAULT_HEADER: type(error).__name__},
    )


def reason_phrase(text: str) -> str:
    """Make a text fit for a status line: one line of printable ASCII, not too long."""
    line = " ".join(text.split())[:_REASON_MAX]
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in line)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of a handler into an answer; the unexpected ones are logged."""
    try:
        return await handler(request)
    except JouleError as error:
        if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.exception("%s %s failed", request.method, request.path)
        return fault_response(error)
    except web.RequestPayloadError:  # its encoding or its framing is broken
        return fault_response(InvalidRequestError("the body of the request cannot be read"))
    except RecursionError:  # nothing else has so many levels
        logger.info("%s %s is nested too deeply", request.method, request.path)
        return fault_response(InvalidRequestError("the request is nested too deeply"))
    except (web.HTTPException, ConnectionError):
        raise
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return web.Response(status=500, text="500 Internal Server Error")


@web.middleware
async def finish_changes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a change that was begun finish although its client has gone; reads stop at once.

    So does what an app answers: it is not for the node to know what a request changes there.
    """
    if request.method in ("GET", "HEAD") or request.path.startswith(APP_PREFIXES):
        return await handler(request)
    return await _to_the_end(handler(request))


async def _to_the_end(
    work: Awaitable[web.StreamResponse],
) -> web.StreamResponse:
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _settle(task)
        raise


async def _settle(task: asyncio.Future[web.StreamResponse]) -> None:
    """Wait for a task whose answer nobody can be given; a second cancellation cancels it."""
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.info("the client left before it could be told: %s", error)
