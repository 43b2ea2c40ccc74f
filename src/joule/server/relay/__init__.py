"""Web interfaces of modules and configured sites, reached through the node.

Requests and answers are passed on piece by piece in bounded memory, WebSockets message by
message. Bodies and redirects are not rewritten: an app uses relative addresses, or the prefix
that it is told.
"""

from __future__ import annotations

from joule.server.relay.apps import App, find_app, list_apps
from joule.server.relay.clients import RELAY_CLIENTS, RelayClients, close_clients
from joule.server.relay.passing import pass_on

__all__ = [
    "RELAY_CLIENTS",
    "App",
    "RelayClients",
    "close_clients",
    "find_app",
    "list_apps",
    "pass_on",
]
