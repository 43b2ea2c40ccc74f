"""The user who starts a node of their own may use it: a master with their name, a saved key."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from joule.api import create_tcp_node, get_node, get_nodes, save_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.api import NodeConfig
    from joule.node import LocalNode


async def authorise_user(node: LocalNode, url: str) -> str:
    """See that the user's list of nodes has a valid key for this node, and give its name there.

    A key that is good already is kept. An entry of the same name for another node is left alone:
    then this node is saved under its name with a number. Raises :exc:`joule.errors.ApiError` or
    ``OSError`` when the list cannot be read or written.
    """
    saved = [entry.to_config() for entry in get_nodes()]
    ours = next((entry for entry in saved if node.access.authorise(entry.key)), None)
    if ours is None:
        key = await node.access.add_user(getpass.getuser(), replace=True)
        name = free_name(node.name, url, saved)
    else:
        key, name = ours.key, ours.name
    if ours is None or ours.url != url:
        save_node(create_tcp_node(url, key, name))
    return name


def free_name(name: str, url: str, saved: Sequence[NodeConfig]) -> str:
    """Give ``name`` unless it is saved for another URL, else the first of name_2, name_3..."""
    taken = {entry.name for entry in saved if entry.url != url}
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def is_default(name: str) -> bool:
    """Whether the user's commands go to the node of this name by themselves."""
    return get_node().name == name
