"""A store with flipped bytes behind a server: who asks for damaged rows is told so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import numpy as np
import pytest

import joule.api
from joule.errors import ApiError
from joule.models.layout import Layout
from joule.models.streams import DataStream, Element
from joule.storage.embedded import EmbeddedEngine
from joule.testing.node import running_node

if TYPE_CHECKING:
    from pathlib import Path

    from joule.api import TcpNode
    from joule.models.layout import Rows

ROWS = 60_000  # several chunks and several steps of a read
LAYOUT = Layout("float64", 8)


def numbered() -> Rows:
    rows = np.zeros(ROWS, LAYOUT.dtype)
    rows["timestamp"] = np.arange(1, ROWS + 1) * 1_000_000
    rows["data"] = np.arange(ROWS)[:, None]
    return rows


async def fill(path: Path) -> None:
    async with (
        running_node(engine=EmbeddedEngine(path)) as running,
        joule.api.create_tcp_node(running.url, running.key) as node,
    ):
        for name in ("damaged", "whole"):
            elements = [Element(f"e{i}") for i in range(8)]
            stream = DataStream(name, datatype="float64", elements=elements)
            await node.data_stream_create(stream, "/d")
            await write(node, f"/d/{name}")


async def write(node: TcpNode, path: str) -> None:
    pipe = await node.data_write(path)
    await pipe.write(numbered())
    await pipe.close()


def flip_a_byte_of(path: Path, chunk: int) -> None:
    connection = apsw.Connection(str(path))
    ((number,),) = connection.execute(
        "SELECT data FROM chunk WHERE stream = 1 ORDER BY first LIMIT 1 OFFSET ?", (chunk,)
    )
    with connection.blob_open("main", "chunk_data", "data", number, True) as blob:
        blob.seek(100)
        byte = blob.read(1)[0]
        blob.seek(100)
        blob.write(bytes([byte ^ 1]))
    connection.close()


@pytest.mark.parametrize("chunk", [0, 6])
async def test_rows_that_are_damaged_are_an_error_that_names_them(
    tmp_path: Path, chunk: int
) -> None:
    path = tmp_path / "joule.db"
    await fill(path)
    flip_a_byte_of(path, chunk)
    async with (
        running_node(engine=EmbeddedEngine(path)) as running,
        joule.api.create_tcp_node(running.url, running.key) as node,
    ):
        with pytest.raises(ApiError) as caught:
            await node.data_read_array("/d/damaged", max_rows=None)
        if chunk == 0:  # nothing was sent yet: the answer is the error itself
            assert caught.value.status == 500
            assert "data stream [damaged] (id 1): rows of 1970-01-01T00:00:01" in str(caught.value)
        view = await node.data_read_array("/d/damaged", max_rows=20)
        assert view["data"][-1, -1] == ROWS - 1  # groups of their own: the view is whole
        found = await node.data_read_array("/d/whole", max_rows=None)
        assert found.tobytes() == numbered().tobytes()
        await node.data_delete("/d/whole", 0, 10_500_000)
        assert (await node.data_stream_info("/d/whole")).rows == ROWS - 10
