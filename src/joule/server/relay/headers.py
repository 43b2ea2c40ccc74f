"""Which headers an app gets of a request, and a caller of an app's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidict import CIMultiDict

from joule.server.public import peer_host, public_address
from joule.wire.routes import (
    APP_ID_HEADER,
    AUTH_REQUIRED_HEADER,
    BASE_URI_HEADER,
    FORWARDED_FOR_HEADER,
    KEY_HEADER,
    PORT_HEADER,
    SCHEME_HEADER,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web
    from multidict import CIMultiDictProxy

_ONE_HOP = (
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
)
_FOR_THE_NODE = (
    KEY_HEADER,
    AUTH_REQUIRED_HEADER,
    APP_ID_HEADER,
    PORT_HEADER,
    SCHEME_HEADER,
    BASE_URI_HEADER,
    "Expect",
)
_HANDSHAKE = (
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
)
_UNPACKED = frozenset({"gzip", "deflate", "br", "zstd"})
"""Encodings of a request's body that are undone before it gets here."""

_HOST_SEEN, _PROTO_SEEN = "X-Forwarded-Host", "X-Forwarded-Proto"
_PREFIXES = ("X-Script-Name", "X-Forwarded-Prefix")


def for_app(request: web.Request, prefix: str, *, keep_host: bool) -> CIMultiDict[str]:
    """Give the headers that an app gets of a request.

    It is told who asked, under which host, and below which ``prefix`` a browser sees it, unless
    whoever stands in front of the node has said so already.
    """
    headers = _without(request.headers, (*_ONE_HOP, *_FOR_THE_NODE, *_HANDSHAKE))
    if headers.get("Content-Encoding", "").lower() in _UNPACKED:
        del headers["Content-Encoding"]
        headers.popall("Content-Length", None)
    if not keep_host:
        headers.popall("Host", None)
    _tell_origin(headers, request, prefix)
    return headers


def _tell_origin(headers: CIMultiDict[str], request: web.Request, prefix: str) -> None:
    address = public_address(request)
    peer = peer_host(request)
    if peer is not None:
        before = headers.getall(FORWARDED_FOR_HEADER, [])
        headers[FORWARDED_FOR_HEADER] = ", ".join([*before, peer])
    if _HOST_SEEN not in headers:  # who sets it decides about the prefix as well
        for name in _PREFIXES:
            headers.setdefault(name, f"{address.base_uri}{prefix}")
        headers[_HOST_SEEN] = request.host
    headers.setdefault(_PROTO_SEEN, address.scheme)


def for_caller(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Give the headers that a caller gets of an app's answer."""
    return _without(headers, _ONE_HOP)


def _without(headers: CIMultiDictProxy[str], names: Iterable[str]) -> CIMultiDict[str]:
    """Copy headers without those named, and without those that are for one connection only."""
    kept = CIMultiDict(headers)
    for listed in headers.getall("Connection", []):
        for name in listed.split(","):
            kept.popall(name.strip(), None)
    for name in names:
        kept.popall(name, None)
    return kept
