"""Who may do what: API keys over TCP, trust on the UNIX socket.

The check runs before the path is looked at, so that nobody learns without a key what is there.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from aiohttp import web

from joule.errors import AccessDeniedError
from joule.models.access import SCOPES
from joule.server.errors import fault_response
from joule.server.guests import GUESTS
from joule.server.public import is_unix
from joule.server.services import node_of, services_of
from joule.wire.routes import AUTH_REQUIRED_HEADER, KEY_HEADER, Route

if TYPE_CHECKING:
    from joule.server.errors import Handler
    from joule.storage.interfaces import MasterRecord

_OPEN = frozenset({("POST", Route.FOLLOWER)})
_ADMIN = frozenset(
    {
        Route.MASTERS,
        Route.MASTER,
        Route.FOLLOWERS,
        Route.FOLLOWER,
        Route.COMMIT,
        Route.RELOAD,
        Route.MODULE_START,
        Route.MODULE_STOP,
        Route.MODULE_RESTART,
        Route.MODULE_CONFIGURATION,  # passwords may be among the arguments
        Route.DB_CONNECTION,  # a password that stays good when the key is revoked
    }
)

FORBIDDEN = "403: Forbidden"
"""How a node without a key answers; tools recognise a node by it."""


@web.middleware
async def check_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request without a key that is good for it."""
    if (request.method, request.path) in _OPEN or is_trusted(request) or _is_exporter(request):
        return await handler(request)
    master = master_of(request)
    if master is None:
        return fault_response(AccessDeniedError("Forbidden"), FORBIDDEN)
    _check_scope(request, master)
    with request.app[GUESTS].admitted(request, master.key_hash):
        return await handler(request)


def is_trusted(request: web.Request) -> bool:
    """Whether the request came over the UNIX socket from this host itself."""
    return AUTH_REQUIRED_HEADER not in request.headers and is_unix(request)


def _is_exporter(request: web.Request) -> bool:
    """Whether an archive came with the key that is for archives alone."""
    key = services_of(request).importer_key
    if key is None or (request.method, request.path) != ("POST", Route.ARCHIVE):
        return False
    sent = request.headers.get(KEY_HEADER, "")
    return hmac.compare_digest(sent.encode(errors="surrogateescape"), key.encode())


def master_of(request: web.Request) -> MasterRecord | None:
    """Give the owner of the request's key, None without a key or with an unknown one."""
    key = request.headers.get(KEY_HEADER, "")
    if not key.isprintable():  # bytes that are no text, which cannot be hashed either
        return None
    return node_of(request).access.authorise(key)


def _check_scope(request: web.Request, master: MasterRecord) -> None:
    needed = required_scope(request.method, request.path)
    if SCOPES.index(master.scope) < SCOPES.index(needed):
        raise AccessDeniedError(f"this key allows [{master.scope}], the request needs [{needed}]")


def required_scope(method: str, path: str) -> str:
    """Give the least scope for a request: reads, changes, and secrets and who may do what."""
    if path in _ADMIN:
        return "admin"
    return "read" if method in ("GET", "HEAD") else "write"
