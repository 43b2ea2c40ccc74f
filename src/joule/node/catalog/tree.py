"""The tree of folders and streams in memory, with indexes so that no lookup walks over siblings.

It keeps itself consistent and answers questions; the rules of what may be done are elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.errors import NotFoundError, StreamNotFound
from joule.models.folders import Folder
from joule.models.streams import DataStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.events import EventStream
    from joule.models.streams import Stream, StreamKind


def split_path(path: str) -> list[str] | None:
    """Split the path of a folder into names, None when it is not one; ``/`` has no names."""
    if path == "/":
        return []
    if not isinstance(path, str) or not path.startswith("/"):
        return None
    names = path[1:].split("/")
    return names if all(names) else None


class Tree:
    """Folders below ``root`` and the streams in them.

    Data streams and event streams share one name space per folder, folders have their own.
    """

    def __init__(self, root: Folder) -> None:
        self.root = root
        self.folders: dict[int, Folder] = {root.id: root}
        self.data_streams: dict[int, DataStream] = {}
        self.event_streams: dict[int, EventStream] = {}
        self._parents: dict[int, Folder] = {}
        self._homes: dict[tuple[type, int], Folder] = {}
        self._folder_names: dict[tuple[int, str], Folder] = {}
        self._stream_names: dict[tuple[int, str], Stream] = {}

    # ------------------------------------------------------------------ looking up

    def folder(self, spec: str | int) -> Folder:
        """Find a folder by path or id; ``NotFoundError``."""
        folder = self.folders.get(spec) if isinstance(spec, int) else self._folder_at(spec)
        if folder is None:
            raise NotFoundError("folder does not exist")
        return folder

    def stream(self, kind: type[StreamKind], spec: str | int) -> StreamKind:
        """Find a data stream or an event stream by path or id; ``StreamNotFound``."""
        if isinstance(spec, int):
            known = self.data_streams if kind is DataStream else self.event_streams
            stream = known.get(spec)
        else:
            stream = self._stream_at(spec)
        if not isinstance(stream, kind):
            raise StreamNotFound("stream does not exist")
        return stream

    def _folder_at(self, path: str) -> Folder | None:
        names = split_path(path)
        if names is None:
            return None
        folder, missing = self.descend(names)
        return None if missing else folder

    def _stream_at(self, path: str) -> Stream | None:
        parent, slash, name = path.rpartition("/")
        folder = self._folder_at(parent or "/") if slash else None
        return None if folder is None else self.stream_named(folder, name)

    def descend(self, names: list[str]) -> tuple[Folder, list[str]]:
        """Follow names from the root: the deepest folder there is, and the names behind it."""
        folder = self.root
        for depth, name in enumerate(names):
            child = self.folder_named(folder, name)
            if child is None:
                return folder, names[depth:]
            folder = child
        return folder, []

    def folder_named(self, parent: Folder, name: str) -> Folder | None:
        """Find a subfolder."""
        return self._folder_names.get((parent.id, name))

    def stream_named(self, folder: Folder, name: str) -> Stream | None:
        """Find a stream of either kind in a folder."""
        return self._stream_names.get((folder.id, name))

    def parent(self, folder: Folder) -> Folder | None:
        """Give the folder that holds a folder, None for the root."""
        return self._parents.get(folder.id)

    def home(self, stream: Stream) -> Folder:
        """Give the folder that holds a stream; ``StreamNotFound`` for one that is not here."""
        home = self._homes.get((type(stream), stream.id))
        if home is None:
            raise StreamNotFound("stream does not exist")
        return home

    def chain(self, folder: Folder) -> Iterator[Folder]:
        """Give a folder and its ancestors, the root last."""
        here: Folder | None = folder
        while here is not None:
            yield here
            here = self.parent(here)

    def below(self, folder: Folder) -> Iterator[Folder]:
        """Give a folder and everything below it."""
        yield folder
        for child in folder.children:
            yield from self.below(child)

    def height(self, folder: Folder) -> int:
        """Count the levels of a folder and what is below it."""
        return 1 + max((self.height(child) for child in folder.children), default=0)

    def path(self, item: Stream | Folder) -> str:
        """Give the path of a folder or stream."""
        folder = item if isinstance(item, Folder) else self.home(item)
        names = [here.name for here in self.chain(folder)][-2::-1]
        if not isinstance(item, Folder):
            names.append(item.name)
        return "/" + "/".join(names)

    def refresh_locks(self, folder: Folder) -> bool:
        """Set ``locked`` of a folder and all below it as things are now."""
        children = [self.refresh_locks(child) for child in folder.children]
        folder.locked = (
            folder is self.root
            or any(children)
            or any(stream.locked for stream in folder.data_streams)
            or any(stream.locked for stream in folder.event_streams)
        )
        return folder.locked

    # ------------------------------------------------------------------ changing

    def add_folder(self, folder: Folder, parent: Folder) -> None:
        """Hang a folder (with nothing in it yet, or moved with all it holds) into another."""
        parent.children.append(folder)
        self.folders[folder.id] = folder
        self._parents[folder.id] = parent
        self._folder_names[parent.id, folder.name] = folder

    def take_folder(self, folder: Folder) -> None:
        """Take a folder out of its parent; what it holds stays known, to be moved or forgotten."""
        parent = self._parents.pop(folder.id)
        parent.children.remove(folder)
        del self._folder_names[parent.id, folder.name]

    def forget_folder(self, folder: Folder) -> None:
        """Take a folder out with all that is below it."""
        self.take_folder(folder)
        for inner in list(self.below(folder)):
            del self.folders[inner.id]
            self._parents.pop(inner.id, None)
            for child in inner.children:
                del self._folder_names[inner.id, child.name]
            streams: list[Stream] = [*inner.data_streams, *inner.event_streams]
            for stream in streams:
                self._forget_stream(stream, inner)

    def rename_folder(self, folder: Folder, name: str) -> None:
        """Give a folder another name."""
        parent = self._parents[folder.id]
        del self._folder_names[parent.id, folder.name]
        folder.name = name
        self._folder_names[parent.id, name] = folder

    def add_stream(self, stream: Stream, folder: Folder) -> None:
        """Put a stream into a folder."""
        if isinstance(stream, DataStream):
            folder.data_streams.append(stream)
            self.data_streams[stream.id] = stream
        else:
            folder.event_streams.append(stream)
            self.event_streams[stream.id] = stream
        self._homes[type(stream), stream.id] = folder
        self._stream_names[folder.id, stream.name] = stream

    def take_stream(self, stream: Stream) -> None:
        """Take a stream out of its folder."""
        folder = self.home(stream)
        if isinstance(stream, DataStream):
            folder.data_streams.remove(stream)
        else:
            folder.event_streams.remove(stream)
        self._forget_stream(stream, folder)

    def rename_stream(self, stream: Stream, name: str) -> None:
        """Give a stream another name."""
        folder = self.home(stream)
        del self._stream_names[folder.id, stream.name]
        stream.name = name
        self._stream_names[folder.id, name] = stream

    def _forget_stream(self, stream: Stream, folder: Folder) -> None:
        known = self.data_streams if isinstance(stream, DataStream) else self.event_streams
        del known[stream.id]
        del self._homes[type(stream), stream.id]
        del self._stream_names[folder.id, stream.name]
