"""``joule folder``: the tree of folders and streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.lazy import Entry, lazy_group
from joule.cli.options import as_json
from joule.cli.session import on_node
from joule.cli.tree import TreeStyle, tree_lines
from joule.cli.whole import whole_commands
from joule.wire.json_models import folder_to_json

if TYPE_CHECKING:
    from joule.api import Node

group = lazy_group(
    "folder",
    "Manage folders.",
    {
        "list": Entry("joule.cli.folder:list_folder", "Show folders and streams as a tree."),
        "move": Entry("joule.cli.folder:move", "Move a folder into another one."),
        "rename": Entry("joule.cli.folder:rename", "Change the name of a folder."),
        "copy": Entry("joule.cli.folder_copy:copy", "Copy a folder with everything in it."),
        "delete": Entry("joule.cli.folder:delete", "Delete a folder and its data.", ("remove",)),
    },
)


@click.command("list")
@click.argument("path", default="/")
@click.option("-l", "--layout", is_flag=True, help="Show the layout of data streams.")
@click.option("-s", "--status", is_flag=True, help="Mark active and configured streams.")
@click.option("-i", "--id", "ids", is_flag=True, help="Show ids.")
@as_json
@on_node
async def list_folder(
    node: Node, path: str, layout: bool, status: bool, ids: bool, as_json: bool
) -> None:
    """Show the folders and streams in PATH (everything without one) as a tree."""
    folder = await (node.folder_root() if path == "/" else node.folder_get(path))
    if as_json:
        output.document(folder_to_json(folder))
        return
    if not (folder.children or folder.data_streams or folder.event_streams):
        where = "this node" if path == "/" else f"[{path}]"
        output.line(f"No folders, {where} is empty.")
        return
    names = click.style("Folder", bold=True), click.style("Event Stream", fg="cyan")
    output.line(f"Legend: [{names[0]}] [Data Stream] [{names[1]}]")
    if status:
        active, configured = output.dot(output.ACTIVE), output.dot(output.CONFIGURED)
        output.line(f"\t{active} active  {configured} configured")
    style = TreeStyle(layout=layout, status=status, ids=ids)
    for text in tree_lines(folder, style, is_root=path == "/"):
        output.line(text)
    output.line()


move, rename = whole_commands("folder")


@click.command("delete")
@click.argument("folder")
@click.option("-r", "--recursive", is_flag=True, help="Delete the folders in it, too.")
@on_node
async def delete(node: Node, folder: str, recursive: bool) -> None:
    """Delete FOLDER with its streams and all their data, without asking."""
    await node.folder_delete(folder, recursive)
    output.ok()
