"""Under which address others reach this node, and from where a request came.

A reverse proxy in front of the UNIX socket says both with headers; on TCP the connection does.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.server.services import services_of
from joule.wire.routes import BASE_URI_HEADER, FORWARDED_FOR_HEADER, PORT_HEADER, SCHEME_HEADER

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """What others put before and behind the host; ``port`` None when nothing is known of one."""

    scheme: str
    port: int | str | None
    base_uri: str


def is_unix(request: web.Request) -> bool:
    """Whether the request came over the UNIX socket."""
    if request.transport is None:
        return False
    own = request.transport.get_extra_info("socket")
    return own is not None and own.family == socket.AF_UNIX


def public_address(request: web.Request) -> PublicAddress:
    """Give the node's address as the caller sees it."""
    if not is_unix(request):
        return PublicAddress(request.scheme, _own_port(request), "")
    services, headers = services_of(request), request.headers
    return PublicAddress(
        headers.get(SCHEME_HEADER, "https" if services.is_tls else "http"),
        headers.get(PORT_HEADER, services.tcp_port),
        headers.get(BASE_URI_HEADER, "").rstrip("/"),
    )


def caller_host(request: web.Request) -> str | None:
    """Give the host that a request came from, None when it is not known.

    A reverse proxy appends the address that it saw to ``X-Forwarded-For``.
    """
    forwarded = request.headers.get(FORWARDED_FOR_HEADER, "").rpartition(",")[2].strip()
    return forwarded or peer_host(request)


def peer_host(request: web.Request) -> str | None:
    """Give the address at the other end of a TCP connection, None on the UNIX socket."""
    peer = request.transport and request.transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else None


def _own_port(request: web.Request) -> int | None:
    own = request.transport and request.transport.get_extra_info("sockname")
    return int(own[1]) if isinstance(own, tuple) else None
