"""The nodes that the user has saved, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api.node import Node, TcpNode, UnixNode
from joule.api.node_files import NodeConfig, NodeFiles, existing_files
from joule.errors import ApiError

if TYPE_CHECKING:
    from joule.api.session import Policy


def get_node(name: str = "", *, policy: Policy | None = None) -> TcpNode:
    """Get a saved node by its name, or the default node when no name is given.

    ``policy`` says how patient requests to it are. Raises :exc:`joule.errors.ApiError` when there
    is no such node, or none at all.
    """
    files = NodeFiles()
    if not name:
        return _node(files.default(), files, policy)
    for entry in files.nodes():
        if entry.name == name:
            return _node(entry, files, policy)
    raise ApiError(f"Node ['{name}'] is not available, add it with [joule master add]")


def get_nodes() -> list[TcpNode]:
    """Get all saved nodes; raises ``ValueError`` when the list cannot be read."""
    files = NodeFiles()
    return [_node(entry, files) for entry in files.nodes()]


def save_node(node: TcpNode) -> None:
    """Save a node under its name, in the place of one that has it already.

    It becomes the default node if there is none.
    """
    files = NodeFiles()
    entry = node.to_config()
    nodes = files.nodes()
    names = [saved.name for saved in nodes]
    if entry.name in names:
        nodes[names.index(entry.name)] = entry
    else:
        nodes.append(entry)
    files.write_nodes(nodes)
    files.default()  # makes the first node the default one


def delete_node(node: Node | str) -> None:
    """Forget a saved node; if it was the default, the first remaining one becomes that.

    Raises :exc:`joule.errors.ApiError` when it is not saved.
    """
    files = NodeFiles()
    name = _name(node)
    nodes = files.nodes()
    remaining = [saved for saved in nodes if saved.name != name]
    if len(remaining) == len(nodes):
        raise ApiError(f"Node [{name}] does not exist")
    files.write_nodes(remaining)
    if files.default_name() == name:
        files.write_default_name(remaining[0].name if remaining else "")


def set_default_node(node: Node | str) -> None:
    """Make a saved node the one that :func:`get_node` gives without a name.

    Raises :exc:`joule.errors.ApiError` when it is not saved.
    """
    name = _name(node)
    if not name:
        raise ApiError("Specify a node name, may not be empty")
    files = NodeFiles()
    if name not in [saved.name for saved in files.nodes()]:
        raise ApiError("Invalid node name, view nodes with [joule node list]")
    files.write_default_name(name)


def create_tcp_node(
    url: str, key: str, name: str = "node", *, policy: Policy | None = None
) -> TcpNode:
    """Make a node that is not saved; certificates are checked as for saved nodes."""
    files = existing_files()
    return TcpNode(name, url, key, files.cafile if files else "", policy=policy)


def create_unix_node(path: str, name: str = "node", *, policy: Policy | None = None) -> UnixNode:
    """Make the node of this machine from the path of its socket, which needs no key."""
    files = existing_files()
    return UnixNode(name, path, files.cafile if files else "", policy=policy)


def _name(node: Node | str) -> str:
    return node.name if isinstance(node, Node) else node


def _node(entry: NodeConfig, files: NodeFiles, policy: Policy | None = None) -> TcpNode:
    return TcpNode(
        entry.name, entry.url, entry.key, files.cafile, verify=entry.verify, policy=policy
    )
