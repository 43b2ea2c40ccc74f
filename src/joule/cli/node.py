"""``joule node``: the user's own list of nodes, and what a node says about itself."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.options import as_json
from joule.cli.session import on_node
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from joule.api import Node

DEFAULT_PORT = 8088


@click.group("node")
def group() -> None:
    """Manage the list of nodes you can use."""


@group.command("list")
@as_json
def list_nodes(as_json: bool) -> None:
    """List the nodes you can use."""
    nodes = joule.api.get_nodes()
    default = joule.api.get_node().name
    listed = [(node.name, without_password(node.url)) for node in nodes]
    if as_json:
        output.document(
            [{"name": name, "url": url, "default": name == default} for name, url in listed]
        )
        return
    output.line(f"List of authorized nodes ({output.DOT}=default)")
    output.table(["Node", "URL"], [(_marked(name, default), url) for name, url in listed])


def _marked(name: str, default: str) -> str:
    return f"{output.DOT} {name}" if name == default else name


@group.command("add")
@click.argument("name")
@click.argument("url")
@click.argument("key")
def add(name: str, url: str, key: str) -> None:
    """Add a node to the list.

    URL may be a host name; then https and http are tried on port 8088.
    """
    if not url.startswith("http"):
        url = asyncio.run(_find(url))
    joule.api.save_node(joule.api.create_tcp_node(url.rstrip("/"), key, name))
    output.line(f"Added [{name}] to authorized nodes")


async def _find(host: str) -> str:
    url = await joule.utilities.misc.detect_url(host, DEFAULT_PORT)
    if url is None:
        raise click.ClickException(f"unable to contact [{host}], node not added")
    return url


@group.command("delete")
@click.argument("name")
def delete(name: str) -> None:
    """Remove a node from the list."""
    joule.api.delete_node(name)
    output.line(f"Removed [{name}] from nodes")


@group.command("default")
@click.argument("name")
def default(name: str) -> None:
    """Make a node the default one."""
    joule.api.set_default_node(name)
    output.line(f"Set [{name}] as the default node")


@group.command("info")
@as_json
@on_node
async def info(node: Node, as_json: bool) -> None:
    """Show the version of a node and the room its data takes."""
    found = await node.info()
    if as_json:
        output.document(asdict(found))
        return
    output.fields(
        [("Server Version", f"\t{found.version}"), ("Database Location", f"\t{found.path}")],
        indent="",
        width=18,
    )
    if found.size_db >= 0:
        output.fields([("Database Size", f"\t{human_bytes(found.size_db)}")], indent="", width=18)
    if found.size_free >= 0:
        free = human_bytes(found.size_free)
        output.fields([("Space Available", f"\t{free}")], indent="", width=18)
    if found.fault is not None:
        output.fields([("Fault", f"\t{found.fault}")], indent="", width=18)


def human_bytes(size: float) -> str:
    """Write a number of bytes with a binary unit, for example ``10.0MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.1f}{unit}"
        size /= 1024
    return f"{size:.1f}PiB"
