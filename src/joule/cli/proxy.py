"""``joule proxy``: sites that a node makes reachable beside its own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Node


@click.group("proxy")
def group() -> None:
    """Look at the proxied sites of a node."""


@group.command("list")
@on_node
async def list_proxies(node: Node) -> None:
    """List the proxied sites."""
    proxies = await node.proxy_list()
    output.table(["ID", "Name", "Target URL"], [(p.id, p.name, p.target_url) for p in proxies])


@group.command("info")
@click.argument("name")
@on_node
async def info(node: Node, name: str) -> None:
    """Show where a proxied site is and under which address the node serves it."""
    proxy = await node.proxy_get(name)
    output.fields(
        [
            ("ID", proxy.id),
            ("Name", proxy.name),
            ("Proxy URL", f"{node.url}/interface/p{proxy.id}/"),
            ("Source URL", proxy.target_url),
        ],
        indent="",
    )
