"""Nodes reached over the network."""

from __future__ import annotations

import ssl
from functools import cached_property
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError
from joule.wire.routes import KEY_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import BaseConnector


class TcpTransport:
    """A URL and the key that opens it.

    Certificates of https nodes are verified, host name included, against the system's
    authorities and those in ``cafile`` (PEM). ``verify=False`` accepts any certificate.
    """

    passes_gateways = True

    def __init__(self, url: str, key: str, *, cafile: str = "", verify: bool = True) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.cafile = cafile
        self.verify = verify

    @property
    def headers(self) -> Mapping[str, str]:
        """The key, where there is one."""
        return {KEY_HEADER: self.key} if self.key else {}

    def connector(self) -> BaseConnector:
        """Make a pool without a limit: live pipes keep their connections for long.

        Raises ``ConfigurationError`` when the CA file cannot be used.
        """
        from aiohttp import TCPConnector  # who never asks a node does without it

        return TCPConnector(limit=0, ssl=self._tls)

    @cached_property
    def _tls(self) -> ssl.SSLContext | bool:
        if not self.url.startswith("https"):
            return True  # not used without TLS; reading the system's authorities is slow
        if not self.verify:
            return False
        context = ssl.create_default_context()
        if self.cafile:
            _add_authority(context, self.cafile)
        return context


def _add_authority(context: ssl.SSLContext, cafile: str) -> None:
    try:
        context.load_verify_locations(cafile)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(f"cannot use certificate authority [{cafile}]: {error}") from error
