"""Where in the answer of which web service an element's value is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from joule.client.sources.json_path import parse_path
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.client.sources.json_path import Steps


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the JSON that an address answers with."""

    url: str
    path: str
    steps: Steps


def parse_place(words: Sequence[str], server: str) -> Place:
    """Read ``PATH`` or ``ADDRESS PATH``, the address relative to that of the server.

    Raises ``ValueError`` that says what is wrong.
    """
    if not 1 <= len(words) <= 2:
        raise ValueError("give a JSON path, or an address and a JSON path")
    *address, path = words
    url = urljoin(server, address[0]) if address else server
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"[{without_password(url)}] is not an address like http://host/values; set [server]"
        )
    return Place(url, path, parse_path(path))
