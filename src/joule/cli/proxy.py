"""``joule proxy``: sites that a node makes reachable beside its own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.options import as_json
from joule.cli.session import on_node
from joule.wire.json_models import proxy_to_json

if TYPE_CHECKING:
    from joule.api import Node


@click.group("proxy")
def group() -> None:
    """Look at the proxied sites of a node."""


@group.command("list")
@as_json
@on_node
async def list_proxies(node: Node, as_json: bool) -> None:
    """List the proxied sites."""
    proxies = await node.proxy_list()
    if as_json:
        output.document([proxy_to_json(proxy) for proxy in proxies])
        return
    output.table(["ID", "Name", "Target URL"], [(p.id, p.name, p.target_url) for p in proxies])


@group.command("info")
@click.argument("name")
@as_json
@on_node
async def info(node: Node, name: str, as_json: bool) -> None:
    """Show where a proxied site is and under which address the node serves it."""
    proxy = await node.proxy_get(name)
    url = f"{node.url}/interface/p{proxy.id}/"
    if as_json:
        output.document({**proxy_to_json(proxy), "proxied_url": url})
        return
    output.line()
    output.section("ID", proxy.id)
    output.section("Name", proxy.name)
    output.section("Proxy URL", url)
    output.section("Source URL", proxy.target_url)
