"""WebSockets, passed on message by message in both directions, pings included."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from multidict import CIMultiDict
    from yarl import URL

    End: TypeAlias = web.WebSocketResponse | aiohttp.ClientWebSocketResponse

MESSAGE_MAX_BYTES = 16 << 20
"""A longer message ends the connection: it would have to be held in memory as a whole."""

_CLOSE_S = 2.0
_PASSED_ON = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)
_UNSENDABLE = (0, 1005)
"""Close codes that stand for none, and must not be sent."""


async def connect(
    client: aiohttp.ClientSession,
    url: URL,
    request: web.Request,
    headers: CIMultiDict[str],
    answer_s: float,
) -> aiohttp.ClientWebSocketResponse:
    """Open the app's side, with the protocols that the caller speaks; the caller closes it."""
    async with asyncio.timeout(answer_s):
        return await client.ws_connect(
            url,
            headers=headers,
            protocols=_protocols(request),
            autoping=False,
            max_msg_size=MESSAGE_MAX_BYTES,
        )


def _protocols(request: web.Request) -> list[str]:
    listed = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
    return [name.strip() for name in listed.split(",") if name.strip()]


async def bridge(request: web.Request, app: aiohttp.ClientWebSocketResponse) -> web.StreamResponse:
    """Accept the caller's side and pass messages on until either side closes, then close both."""
    caller = web.WebSocketResponse(
        timeout=_CLOSE_S,
        autoping=False,
        protocols=[app.protocol] if app.protocol else (),
        max_msg_size=MESSAGE_MAX_BYTES,
    )
    try:
        await caller.prepare(request)
        async with asyncio.TaskGroup() as ways:
            ways.create_task(_pump(caller, app))
            ways.create_task(_pump(app, caller))
    finally:
        await caller.close(code=WSCloseCode.GOING_AWAY)
        await app.close(code=WSCloseCode.GOING_AWAY)
    return caller


async def _pump(source: End, sink: End) -> None:
    """Pass messages on until the source is closed or the sink is gone, then close the sink."""
    reason = b""
    try:
        while (message := await source.receive()).type in _PASSED_ON:
            await _send(sink, message)
        if message.type is WSMsgType.CLOSE:
            reason = (message.extra or "").encode()
    except ConnectionError:
        pass  # the sink has gone, and its own pump ends as well
    await sink.close(code=_sendable(source.close_code), message=reason)


async def _send(sink: End, message: aiohttp.WSMessage) -> None:
    match message.type:
        case WSMsgType.TEXT:
            await sink.send_str(message.data)
        case WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        case WSMsgType.PING:
            await sink.ping(message.data)
        case WSMsgType.PONG:
            await sink.pong(message.data)


def _sendable(code: int | None) -> int:
    """Give a close code that may be sent."""
    if code == WSCloseCode.ABNORMAL_CLOSURE:
        return WSCloseCode.GOING_AWAY
    return WSCloseCode.OK if code is None or code in _UNSENDABLE else code
