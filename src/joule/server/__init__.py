"""The node over HTTP: routes, access, and the translation between requests and the node."""

from __future__ import annotations

from joule.server.app import create_app
from joule.server.listeners import Server, TcpListener
from joule.server.services import ModuleDirectory, Services

__all__ = ["ModuleDirectory", "Server", "Services", "TcpListener", "create_app"]
