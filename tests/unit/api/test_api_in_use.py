"""Streams that are changed by one client while another one uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.api import Annotation, DataStream, Element, TcpNode
from joule.errors import EmptyPipeError, LockedError, StreamNotFound
from tests.unit.api.support import until_produced

if TYPE_CHECKING:
    from joule.models import Pipe
    from joule.models.layout import Rows

MANY = 400_000
"""More rows than lie between node and client while a reader waits."""


def make_rows(first: int, end: int) -> Rows:
    rows = np.zeros(end - first, [("timestamp", "<i8"), ("data", "<f4", (4,))])
    rows["timestamp"] = np.arange(first, end)
    return rows


@pytest.fixture
async def stream(node: TcpNode) -> DataStream:
    elements = [Element(f"e{i}") for i in range(4)]
    return await node.data_stream_create(DataStream("x", elements=elements), "/a/b")


async def write(node: TcpNode, stream: DataStream, end: int) -> None:
    pipe = await node.data_write(stream)
    await pipe.write(make_rows(1, end))
    await pipe.close()


async def read_on(pipe: Pipe, seen: list[int]) -> None:
    """Read to the end of the pipe."""
    while True:
        rows = await pipe.read()
        pipe.consume(len(rows))
        seen += rows["timestamp"].tolist()


async def test_a_stream_that_is_written_is_locked_until_the_pipe_is_closed(
    node: TcpNode, stream: DataStream
) -> None:
    pipe = await node.data_write(stream)
    await pipe.write(make_rows(1, 10))
    await pipe.flush_cache()
    await until_produced(node, stream)
    for change in (
        node.data_stream_delete(stream),
        node.data_stream_move(stream, "/c"),
        node.folder_delete("/a", recursive=True),
    ):
        with pytest.raises(LockedError):
            await change
    await pipe.close()
    await node.data_stream_move(stream, "/c")
    assert (await node.data_stream_info("/c/x")).rows == 9


async def test_a_read_of_a_stream_that_is_moved_and_renamed_goes_on(
    node: TcpNode, stream: DataStream
) -> None:
    await write(node, stream, MANY)
    pipe = await node.data_read(stream)
    await node.data_stream_move(stream, "/c")
    moved = await node.data_stream_get("/c/x")
    moved.name = "y"
    await node.data_stream_update(moved)
    seen: list[int] = []
    with pytest.raises(EmptyPipeError):
        await read_on(pipe, seen)
    assert seen == list(range(1, MANY))


async def test_a_read_whose_folder_is_deleted_ends_and_has_given_true_rows_only(
    node: TcpNode, stream: DataStream
) -> None:
    await write(node, stream, MANY)
    pipe = await node.data_read(stream)
    await node.folder_delete("/a", recursive=True)
    seen: list[int] = []
    with pytest.raises(EmptyPipeError):
        await read_on(pipe, seen)
    assert seen == list(range(1, 1 + len(seen)))
    with pytest.raises(StreamNotFound):
        await node.data_stream_info(stream)
    with pytest.raises(StreamNotFound):
        await node.annotation_create(Annotation("late", 1), stream)
