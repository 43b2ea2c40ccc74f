"""The tree of a folder as lines of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from joule.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import DataStream, EventStream, Folder


@dataclass(frozen=True, slots=True)
class TreeStyle:
    """What stands beside the names."""

    layout: bool = False
    status: bool = False
    ids: bool = False

    def root(self, folder: Folder) -> str:
        """Give the label of the root, which has no name."""
        return self._id(folder)

    def folder(self, folder: Folder) -> str:
        """Give the label of a folder."""
        return click.style(folder.name, bold=True) + self._id(folder)

    def data_stream(self, stream: DataStream) -> str:
        """Give the label of a data stream."""
        layout = f" ({stream.layout})" if self.layout else ""
        return f"{self._dot(stream)}{stream.name}{layout}{self._id(stream)}"

    def event_stream(self, stream: EventStream) -> str:
        """Give the label of an event stream."""
        return click.style(stream.name, fg="cyan") + self._id(stream)

    def _id(self, thing: Folder | DataStream | EventStream) -> str:
        return f" ({thing.id})" if self.ids else ""

    def _dot(self, stream: DataStream) -> str:
        if not self.status or not (stream.active or stream.is_configured):
            return ""
        return output.dot(output.ACTIVE if stream.active else output.CONFIGURED) + " "


def tree_lines(folder: Folder, style: TreeStyle, *, is_root: bool = False) -> Iterator[str]:
    """Give the lines of a folder's tree; the root has no name."""
    yield style.root(folder) if is_root else style.folder(folder)
    yield from _below(folder, style, "")


def _below(folder: Folder, style: TreeStyle, indent: str) -> Iterator[str]:
    members = _members(folder, style)
    for index, (label, child) in enumerate(members):
        last = index == len(members) - 1
        yield f"{indent}{'└── ' if last else '├── '}{label}"
        if child is not None:
            yield from _below(child, style, indent + ("    " if last else "│   "))


def _members(folder: Folder, style: TreeStyle) -> list[tuple[str, Folder | None]]:
    """Give labels of what a folder holds: its folders, then its streams, each by name."""
    folders = sorted(folder.children, key=lambda child: child.name)
    data = [(stream.name, style.data_stream(stream)) for stream in folder.data_streams]
    events = [(stream.name, style.event_stream(stream)) for stream in folder.event_streams]
    streams: list[tuple[str, Folder | None]] = [(label, None) for _, label in sorted(data + events)]
    return [(style.folder(child), child) for child in folders] + streams
