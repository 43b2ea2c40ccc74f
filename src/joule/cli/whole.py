"""What is done in the same way to folders, data streams and event streams as wholes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from joule.cli import output
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Node

Kind = Literal["folder", "data_stream", "event_stream"]
"""How the methods of a node begin."""


def whole_commands(kind: Kind) -> tuple[click.Command, click.Command]:
    """Make the commands ``move`` and ``rename``."""
    noun = kind.replace("_", " ")
    argument = noun.split()[-1].upper()

    @click.command(
        "move",
        help=f"Move the {noun} SOURCE into the folder DESTINATION, which is made if needed.",
    )
    @click.argument("source")
    @click.argument("destination")
    @on_node
    async def move(node: Node, source: str, destination: str) -> None:
        await getattr(node, f"{kind}_move")(source, destination)
        output.ok()

    @click.command("rename", help=f"Change the name of {argument} to NAME.")
    @click.argument("path", metavar=argument)
    @click.argument("name")
    @on_node
    async def rename(node: Node, path: str, name: str) -> None:
        found = await getattr(node, f"{kind}_get")(path)
        found.name = name
        await getattr(node, f"{kind}_update")(found)
        output.ok()

    return move, rename
