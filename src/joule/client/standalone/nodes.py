"""Which saved node a module that is run by hand uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api import get_node, get_nodes
from joule.errors import ApiError

if TYPE_CHECKING:
    from joule.api import Node


def saved_node(name: str, url: str) -> Node:
    """Give the saved node with this URL or name, the default node when both are empty."""
    if not url:
        return get_node(name)
    for node in get_nodes():
        if node.url.rstrip("/") == url.rstrip("/"):
            return node
    raise ApiError(f"no node with the URL [{url}] is saved, add it with [joule node add]")
