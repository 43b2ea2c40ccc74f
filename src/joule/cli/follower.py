"""``joule follower``: the nodes that a node may control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.options import as_json
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Node


@click.group("follower")
def group() -> None:
    """Manage the nodes that a node may control."""


@group.command("list")
@as_json
@on_node
async def list_followers(node: Node, as_json: bool) -> None:
    """List the nodes that the node may control."""
    followers = await node.follower_list()
    if as_json:
        output.document([{"name": each.name, "location": each.url} for each in followers])
        return
    if not followers:
        output.line("This node cannot control any other nodes")
        return
    output.line("This node can control:")
    for follower in followers:
        output.line(f"\t{follower.name}")


@group.command("delete")
@click.argument("name")
@on_node
async def delete(node: Node, name: str) -> None:
    """Forget the node NAME; its key stays good until it is taken away there."""
    await node.follower_delete(name)
    output.line(f"Follower [{name}] removed")
