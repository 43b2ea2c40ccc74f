"""A node of dictionaries, with the few methods that modules run by hand use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import ConflictError, InvalidRequestError, StreamNotFound
from joule.models.pipes import LocalPipe, compute_dtype
from joule.models.streams import DataStream, DataStreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeNode:
    """Streams by path, each with a list of intervals of rows."""

    def __init__(self) -> None:
        self.streams: dict[str, DataStream] = {}
        self.intervals: dict[str, list[Any]] = {}
        self.live: dict[str, LocalPipe] = {}
        self.written: list[tuple[str, int | None, int | None]] = []
        self.closed = False

    def add(self, path: str, stream: DataStream, *intervals: Any) -> None:
        stream.name = path.rpartition("/")[2]
        stream.id = len(self.streams) + 1
        self.streams[path] = stream
        self.intervals[path] = list(intervals)

    def times(self, path: str) -> list[list[int]]:
        return [interval["timestamp"].tolist() for interval in self.intervals[path]]

    def values(self, path: str) -> list[float]:
        return [value for rows in self.intervals[path] for value in rows["data"][:, 0].tolist()]

    def _path(self, stream: DataStream) -> str:
        return next(path for path, known in self.streams.items() if known is stream)

    async def close(self) -> None:
        self.closed = True

    async def data_stream_get(self, path: str) -> DataStream:
        if path not in self.streams:
            raise StreamNotFound("stream does not exist", 404)
        return self.streams[path]

    async def data_stream_create(self, stream: DataStream, folder: str) -> DataStream:
        self.add(f"{folder}/{stream.name}", stream)
        return stream

    async def data_stream_info(self, stream: DataStream) -> DataStreamInfo:
        rows = np.concatenate(
            [np.zeros(0, compute_dtype(stream.layout)), *self.intervals[self._path(stream)]]
        )
        if not len(rows):
            return DataStreamInfo()
        return DataStreamInfo(int(rows["timestamp"][0]), int(rows["timestamp"][-1]), len(rows))

    async def data_intervals(
        self, stream: DataStream, start: int | None, end: int | None
    ) -> list[list[int]]:
        spans = ((int(r["timestamp"][0]), int(r["timestamp"][-1]) + 1) for r in self._all(stream))
        low, high = _bounds(start, end)
        clipped = ([max(first, low), min(last, high)] for first, last in spans)
        return [pair for pair in clipped if pair[0] < pair[1]]

    def _all(self, stream: DataStream) -> list[Any]:
        found = [rows for rows in self.intervals[self._path(stream)] if len(rows)]
        return sorted(found, key=lambda rows: int(rows["timestamp"][0]))

    async def data_read(self, stream: DataStream, start: int | None, end: int | None) -> LocalPipe:
        pipe = LocalPipe(stream=stream)
        low, high = _bounds(start, end)
        for rows in self._all(stream):
            part = rows[(rows["timestamp"] >= low) & (rows["timestamp"] < high)]
            if len(part):
                await pipe.write(part)
                await pipe.close_interval()
        await pipe.close()
        return pipe

    async def data_subscribe(self, stream: DataStream) -> LocalPipe:
        if self._path(stream) not in self.live:
            raise InvalidRequestError(f"DataStream [{stream.name}] is not being produced")
        return self.live[self._path(stream)]

    async def data_write(self, stream: DataStream, start: int | None, end: int | None) -> LocalPipe:
        path = self._path(stream)
        if stream.is_destination:
            raise ConflictError(f"DataStream [{stream.name}] is already being produced")
        self.written.append((path, start, end))
        if start is not None or end is not None:
            self._remove(path, *_bounds(start, end))
        return Storing(stream, self.intervals[path].append)

    def _remove(self, path: str, low: int, high: int) -> None:
        out = []
        for rows in self.intervals[path]:
            times = rows["timestamp"]
            out += [rows[times < low], rows[times >= high]]
        self.intervals[path] = [rows for rows in out if len(rows)]


class Storing(LocalPipe):
    """Stores what was written when it is closed."""

    def __init__(self, stream: DataStream, store: Callable[[Any], None]) -> None:
        super().__init__(stream=stream)
        self._store = store

    async def _finish(self) -> None:
        await super()._finish()
        while await self.not_empty():
            rows = await self.read()
            self.consume(len(rows))
            if len(rows):
                self._store(rows)


def _bounds(start: int | None, end: int | None) -> tuple[int, int]:
    return -(2**63) if start is None else start, 2**63 - 1 if end is None else end
