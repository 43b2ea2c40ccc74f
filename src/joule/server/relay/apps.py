"""What can be opened in a browser: modules with a web interface, and configured sites."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.errors import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from joule.server.services import Services

_ID = re.compile(r"[mp][0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class App:
    """A web interface: ``m<id>`` behind the socket of a module, or ``p<id>`` at a URL.

    ``url`` ends with a slash. Behind a socket its host has no meaning.
    """

    id: str
    name: str
    url: str
    socket: Path | None = None

    @property
    def location(self) -> str:
        """Where it is, in the form that nginx takes."""
        return self.url if self.socket is None else f"http://unix:{self.socket}:/"


def list_apps(services: Services) -> list[App]:
    """Give every app, modules first."""
    apps = []
    if services.module_socket_dir is not None:
        for module in services.modules.modules():
            if module.is_app:
                socket = services.module_socket_dir / f"module{module.id}"
                apps.append(App(f"m{module.id}", module.name, "http://app.localhost/", socket))
    apps += [App(f"p{proxy.id}", proxy.name, proxy.target_url) for proxy in services.proxies]
    return apps


def find_app(services: Services, app_id: str) -> App:
    """Give one app; ``InvalidRequestError`` or ``NotFoundError`` when there is none."""
    if not _ID.fullmatch(app_id):
        raise InvalidRequestError("invalid id")
    for app in list_apps(services):
        if app.id == app_id:
            return app
    raise NotFoundError("id not found")
