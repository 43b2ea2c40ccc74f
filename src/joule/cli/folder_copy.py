"""``joule folder copy``: a folder with everything in it, to another place or node."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.options import bounds
from joule.cli.progress import interruptible
from joule.cli.session import on_node
from joule.errors import ApiError, NotFoundError

if TYPE_CHECKING:
    from joule.api import Folder, Node


@dataclass(slots=True)
class FolderCopy:
    """What part of which folder goes where; ``done`` counts the streams that are there."""

    start: int | None
    end: int | None
    new: bool
    done: int = 0

    async def folder(self, node: Node, folder: Folder, path: str, target: Node, to: str) -> None:
        """Copy the folder ``path`` to ``to`` on ``target``: first the folders in it."""
        for child in sorted(folder.children, key=lambda child: child.name):
            name = child.name
            await self.folder(node, child, f"{path}/{name}", target, f"{to}/{name}")
        for name in sorted(stream.name for stream in folder.data_streams):
            output.line(f"Writing Data Stream {to}/{name}")
            await self._data_stream(node, f"{path}/{name}", target, f"{to}/{name}")
            self.done += 1
        for name in sorted(stream.name for stream in folder.event_streams):
            output.line(f"Writing Event Stream {to}/{name}")
            await self._event_stream(node, f"{path}/{name}", target, f"{to}/{name}")
            self.done += 1

    async def _data_stream(self, node: Node, path: str, target: Node, to: str) -> None:
        from joule.cli.data.copy import Request, copy_stream  # need numpy, which events do not
        from joule.cli.data.places import NodeStream

        if not await node.data_intervals(path, self.start, self.end):
            output.line("\t skipping, this stream has no data")
            return
        request = Request(
            path,
            to,
            self.start,
            self.end,
            new=False,
            destination_node=None,
            source_url=None,
            yes=False,
        )
        await copy_stream(await NodeStream.find(node, path), target, request)

    async def _event_stream(self, node: Node, path: str, target: Node, to: str) -> None:
        from joule.cli.event.copy import EventRequest, copy_events

        known = self.new and (await _event_count(target, to))
        request = EventRequest(path, to, self.start, self.end, action="ignore", new=bool(known))
        await copy_events(node, target, request)


@click.command("copy")
@click.argument("source")
@click.argument("destination")
@bounds
@click.option("-n", "--new", is_flag=True, help="Go on with a copy that was cut off.")
@click.option("-d", "--destination-node", metavar="NODE", help="Where DESTINATION is.")
def copy(
    source: str,
    destination: str,
    start: int | None,
    end: int | None,
    new: bool,
    destination_node: str | None,
) -> None:
    """Copy the folder SOURCE with all folders and streams in it to DESTINATION.

    DESTINATION must be empty or missing, unless --new goes on with an earlier copy. Streams without
    data are left out.
    """
    work = FolderCopy(start, end, new)
    with interruptible(lambda: f"{work.done} streams were copied, --new goes on from there"):
        _copy(work, source, destination, destination_node)


@on_node
async def _copy(
    node: Node, work: FolderCopy, source: str, destination: str, destination_node: str | None
) -> None:
    async with AsyncExitStack() as stack:
        target = node
        if destination_node is not None:
            target = _other_node(destination_node)
            stack.push_async_callback(target.close)
        folder = await (node.folder_root() if source == "/" else node.folder_get(source))
        if not work.new and not await _is_empty(target, destination):
            raise click.ClickException(f"Destination folder [{destination}] is not empty")
        paths = source.rstrip("/"), destination.rstrip("/")
        await work.folder(node, folder, paths[0], target, paths[1])


def _other_node(name: str) -> Node:
    try:
        return joule.api.get_node(name)
    except ApiError as error:
        raise click.ClickException(f"Invalid destination node [{name}]") from error


async def _is_empty(node: Node, path: str) -> bool:
    try:
        folder = await (node.folder_root() if path == "/" else node.folder_get(path))
    except NotFoundError:
        return True
    return not (folder.children or folder.data_streams or folder.event_streams)


async def _event_count(node: Node, path: str) -> int:
    try:
        return (await node.event_stream_info(path)).event_count
    except NotFoundError:
        return 0
