"""Requests and answers, passed on piece by piece: no side gets far ahead of the other."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from joule.server.relay.headers import for_caller
from joule.server.streams import cut_off

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from multidict import CIMultiDict
    from yarl import URL

logger = logging.getLogger(__name__)

_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What a client would say of itself when the caller has not."""


async def ask(
    client: aiohttp.ClientSession,
    url: URL,
    request: web.Request,
    headers: CIMultiDict[str],
    answer_s: float,
) -> aiohttp.ClientResponse:
    """Send a request on and give the answer, whose body is still to come; the caller closes it.

    ``TimeoutError`` when for ``answer_s`` the app neither takes more nor answers.
    """
    async with asyncio.timeout(answer_s) as patience:
        body = _body(request, patience, answer_s) if request.can_read_body else None
        return await client.request(
            request.method,
            url,
            headers=headers,
            data=body,
            allow_redirects=False,
            skip_auto_headers=_NOT_ADDED,
        )


async def _body(
    request: web.Request, patience: asyncio.Timeout, answer_s: float
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    async for part in request.content.iter_any():
        with suppress(RuntimeError):  # the app has begun to answer before it took everything
            patience.reschedule(loop.time() + answer_s)
        yield part


async def hand_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Give the caller an app's answer; one that breaks off does so for the caller too."""
    response = web.StreamResponse(
        status=answer.status, reason=answer.reason, headers=for_caller(answer.headers)
    )
    try:
        await response.prepare(request)
        async for part in answer.content.iter_any():
            await response.write(part)
    except (aiohttp.ClientError, OSError) as error:
        logger.info("%s %s broke off: %s", request.method, request.path, error)
        cut_off(request)
    finally:
        answer.close()
    return response
