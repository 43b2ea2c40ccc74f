"""The application: routes, what runs around every handler, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from joule.server.auth import check_key
from joule.server.errors import answer_errors, finish_changes
from joule.server.guests import GUESTS, Guests
from joule.server.handlers import (
    apps,
    archives,
    data_care,
    data_json,
    data_read,
    data_write,
    database,
    event_data,
    folder_map,
    folders,
    followers,
    masters,
    modules,
    node,
    openapi,
    proxies,
    stream_annotations,
    streams,
)
from joule.server.relay import RELAY_CLIENTS, RelayClients, close_clients
from joule.server.services import SERVICES
from joule.server.streams import LASTING, LastingRequests, stop_lasting

if TYPE_CHECKING:
    from joule.server.services import Services

JSON_BODY_MAX_BYTES = 1024 * 1024

_NOUNS = (
    node,
    openapi,
    database,
    folders,
    folder_map,
    streams,
    data_read,
    data_json,
    data_write,
    data_care,
    event_data,
    modules,
    apps,
    proxies,
    stream_annotations,
    masters,
    followers,
    archives,
)


def create_app(services: Services) -> web.Application:
    """Make the application that serves one node, over TCP and UNIX sockets alike."""
    app = web.Application(
        middlewares=[answer_errors, check_key, finish_changes],
        client_max_size=JSON_BODY_MAX_BYTES,
    )
    app[SERVICES] = services
    app[LASTING] = LastingRequests()
    app[RELAY_CLIENTS] = RelayClients(services.cafile)
    app[GUESTS] = Guests()
    services.node.access.watch(app[GUESTS].dismiss)
    app.on_shutdown.append(stop_lasting)
    app.on_cleanup.append(close_clients)
    for noun in _NOUNS:
        app.add_routes(noun.routes)
    return app
