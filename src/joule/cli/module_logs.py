"""``joule module logs``: what a module prints."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Node


@click.command("logs")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on with what it prints from now on.")
@on_node
async def logs(node: Node, name: str, follow: bool) -> None:
    """Print what a module wrote lately."""
    if not follow:
        for entry in await node.module_logs(name):
            output.line(entry)
        return
    async with aclosing(node.module_log(name)) as lines:
        async for entry in lines:
            output.line(entry)
