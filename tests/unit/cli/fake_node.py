"""A node that answers from plain attributes and notes what it is told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import NotFoundError, StreamNotFound
from joule.models.annotations import AnnotationInfo
from joule.models.folders import Folder
from joule.models.layout import Layout, Rows
from joule.models.pipes import LocalPipe
from joule.models.proxies import Proxy
from joule.models.streams import DataStream, DataStreamInfo, Element

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.events import EventStream
    from joule.models.modules import ConfigFault, Module


def make_rows(layout: str, timestamps: list[int], start: float = 0) -> Rows:
    """Rows whose first value counts up from ``start`` and whose others are its multiples."""
    kind = Layout.parse(layout)
    rows = np.zeros(len(timestamps), kind.dtype)
    rows["timestamp"] = timestamps
    first = np.arange(len(timestamps)) + start
    for column in range(kind.width):
        rows["data"][:, column] = first * (column + 1)
    return rows


@dataclass
class FakeNode:
    """Answers what the commands ask from plain attributes and notes what they order."""

    name: str = "fake"
    url: str = "http://fake:8088"
    streams: dict[str, DataStream] = field(default_factory=dict)
    event_streams: dict[str, EventStream] = field(default_factory=dict)
    root: Folder = field(default_factory=lambda: Folder("root"))
    modules: list[Module] = field(default_factory=list)
    faults: list[ConfigFault] = field(default_factory=list)
    intervals: list[list[int]] = field(default_factory=list)
    blocks: list[Rows | None] = field(default_factory=list)
    level: int = 1
    layout: str = "float32_2"
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    written: list[Rows] = field(default_factory=list)
    stored: DataStreamInfo = field(default_factory=DataStreamInfo)
    closed: bool = False

    def add(self, path: str, datatype: str = "float32", names: tuple[str, ...] = ("x", "y")) -> Any:
        stream = DataStream(path.rpartition("/")[2], datatype=datatype)
        stream.elements = [Element(name) for name in names]
        stream.id = len(self.streams) + 1
        self.streams[path] = stream
        return stream

    async def close(self) -> None:
        self.closed = True

    # ---- streams and folders

    async def data_stream_get(self, stream: str) -> DataStream:
        if stream not in self.streams:
            raise StreamNotFound("stream does not exist", 404)
        return self.streams[stream]

    async def event_stream_get(self, stream: str) -> EventStream:
        if stream not in self.event_streams:
            raise StreamNotFound("stream does not exist", 404)
        return self.event_streams[stream]

    async def data_stream_info(self, stream: object) -> DataStreamInfo:
        return self.stored

    async def annotation_info(self, stream: object) -> AnnotationInfo:
        return AnnotationInfo(None, None, 3)

    async def data_stream_create(self, stream: DataStream, folder: str) -> DataStream:
        self.calls.append(("data_stream_create", stream.name, stream.layout, folder))
        self.streams[f"{folder}/{stream.name}"] = stream
        return stream

    async def folder_root(self) -> Folder:
        return self.root

    async def folder_get(self, folder: str) -> Folder:
        raise NotFoundError("folder does not exist", 404)

    # ---- modules and proxies

    async def module_list(self, statistics: bool = False) -> list[Module]:
        return self.modules

    async def module_get(self, module: str, statistics: bool = False) -> Module:
        found = [each for each in self.modules if each.name == module]
        if not found:
            raise NotFoundError("module does not exist", 404)
        return found[0]

    async def module_logs(self, module: str) -> list[str]:
        return ["[2026-01-02T03:04:05]: one", "[2026-01-02T03:04:06]: two"]

    async def module_log(self, module: str) -> AsyncIterator[str]:
        for line in await self.module_logs(module):
            yield line
        yield "[2026-01-02T03:04:07]: three"

    async def module_faults(self) -> list[ConfigFault]:
        return self.faults

    async def module_start(self, module: str) -> Module:
        return await self._told(module, "running")

    async def module_stop(self, module: str) -> Module:
        return await self._told(module, "stopped")

    async def module_restart(self, module: str) -> Module:
        return await self._told(module, "failed to load")

    async def _told(self, name: str, state: str) -> Module:
        module = await self.module_get(name)
        module.state = state
        return module

    async def proxy_list(self) -> list[Proxy]:
        return [_proxy()]

    async def proxy_get(self, proxy: str) -> Proxy:
        return _proxy()

    # ---- data

    async def data_read(
        self, stream: object, start: int | None, end: int | None, max_rows: int | None
    ) -> LocalPipe:
        self.calls.append(("data_read", start, end, max_rows))
        return await self._pipe()

    async def data_subscribe(self, stream: object) -> LocalPipe:
        self.calls.append(("data_subscribe",))
        return await self._pipe()

    async def _pipe(self) -> LocalPipe:
        pipe = LocalPipe(self.layout)
        pipe.decimation_level = self.level
        for block in self.blocks:
            await (pipe.close_interval() if block is None else pipe.write(block))
        await pipe.close()
        return pipe

    async def data_write(self, stream: object, start: int | None, end: int | None) -> Any:
        self.calls.append(("data_write", start, end))
        return Written(self.written)

    async def data_intervals(
        self, stream: object, start: int | None = None, end: int | None = None
    ) -> list[list[int]]:
        return self.intervals

    def __getattr__(self, name: str) -> Any:
        """Note any other request and let it succeed."""

        async def note(*args: object) -> int:
            self.calls.append((name, *args))
            return 2

        if name.startswith("_"):
            raise AttributeError(name)
        return note


@dataclass
class Written:
    """Where written rows go."""

    rows: list[Rows]

    async def write(self, rows: Rows) -> None:
        self.rows.append(rows.copy())

    async def close(self) -> None:
        pass


def _proxy() -> Proxy:
    proxy = Proxy("site", "http://127.0.0.1:5000/")
    proxy.id = 4
    return proxy
