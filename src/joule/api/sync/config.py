"""The saved nodes of the user, in their blocking form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule import api
from joule.api.sync.node import Node, TcpNode, UnixNode

if TYPE_CHECKING:
    from joule.api.session import Policy


def get_node(name: str = "", *, policy: Policy | None = None) -> TcpNode:
    """Get a saved node by its name, or the default node when no name is given.

    Raises :exc:`joule.errors.ApiError` when there is no such node, or none at all.
    """
    return TcpNode.of(api.get_node(name, policy=policy))


def get_nodes() -> list[TcpNode]:
    """Get all saved nodes; raises ``ValueError`` when the list cannot be read."""
    return [TcpNode.of(node) for node in api.get_nodes()]


def save_node(node: TcpNode) -> None:
    """Save a node under its name, in the place of one that has it already.

    It becomes the default node if there is none.
    """
    saved = node.asynchronous
    assert isinstance(saved, api.TcpNode)
    api.save_node(saved)


def delete_node(node: Node | str) -> None:
    """Forget a saved node; if it was the default, the first remaining one becomes that."""
    api.delete_node(_name(node))


def set_default_node(node: Node | str) -> None:
    """Make a saved node the one that :func:`get_node` gives without a name."""
    api.set_default_node(_name(node))


def create_tcp_node(
    url: str, key: str, name: str = "node", *, policy: Policy | None = None
) -> TcpNode:
    """Make a node that is not saved; certificates are checked as for saved nodes."""
    return TcpNode.of(api.create_tcp_node(url, key, name, policy=policy))


def create_unix_node(path: str, name: str = "node", *, policy: Policy | None = None) -> UnixNode:
    """Make the node of this machine from the path of its socket, which needs no key."""
    return UnixNode.of(api.create_unix_node(path, name, policy=policy))


def _name(node: Node | str) -> str:
    return node.name if isinstance(node, Node) else node
