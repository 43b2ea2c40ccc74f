"""Asking the node which stream is behind an input."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from joule.client.node_pipes import PipeEnd, PipeEnds, open_pipes
from joule.client.stream_query import query_stream, stub_stream
from joule.errors import ApiError, NodeConnectionError, StreamNotFound
from joule.models.streams import DataStream, Element
from joule.wire.json_models import data_stream_to_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def node(path: Path, status: str, body: str, *headers: str) -> AsyncIterator[list[str]]:
    """Something that answers every request on a UNIX socket alike; gives the requests."""
    requests: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = "".join(f"{header}\r\n" for header in headers)
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n{body}".encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(answer, path)
    async with server:
        yield requests


def stream() -> DataStream:
    out = DataStream("power", datatype="int16", elements=[Element("P", "W"), Element("Q")])
    out.id = 7
    return out


async def test_the_stream_is_found_by_its_id(tmp_path: Path) -> None:
    body = json.dumps(data_stream_to_json(stream()))
    async with node(tmp_path / "api", "200 OK", body) as requests:
        found = await query_stream(str(tmp_path / "api"), 7)
    assert (found.name, found.layout, found.id) == ("power", "int16_2", 7)
    assert [element.units for element in found.elements] == ["W", ""]
    assert requests[0].startswith("GET /stream.json?id=7 HTTP/1.0\r\n")


async def test_a_refusal_is_the_error_that_the_node_raised(tmp_path: Path) -> None:
    async with node(tmp_path / "api", "404 Not Found", "stream does not exist"):
        with pytest.raises(StreamNotFound, match="stream does not exist"):
            await query_stream(str(tmp_path / "api"), 7)


async def test_no_node_and_no_sense_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NodeConnectionError, match="Cannot contact node"):
        await query_stream(str(tmp_path / "api"), 7)
    async with node(tmp_path / "api", "what", ""):
        with pytest.raises(ApiError, match="Invalid node response"):
            await query_stream(str(tmp_path / "api"), 7)


def test_a_stub_has_the_layout_and_numbered_elements() -> None:
    stub = stub_stream("voltage", "float64_3")
    assert (stub.name, stub.layout) == ("STUB:voltage", "float64_3")
    assert [element.name for element in stub.elements] == ["E0", "E1", "E2"]


async def test_input_pipes_carry_their_stream_or_a_stub(tmp_path: Path) -> None:
    fds = [fd for _ in range(3) for fd in os.pipe()]
    ends = PipeEnds(
        inputs=(PipeEnd("here", fds[0], 7, "int16_2"), PipeEnd("there", fds[2], None, "int16_1")),
        outputs=(PipeEnd("out", fds[5], 9, "float32_1"),),
    )
    body = json.dumps(data_stream_to_json(stream()))
    async with node(tmp_path / "api", "200 OK", body) as requests:
        pipes = await open_pipes(ends, str(tmp_path / "api"))
    assert len(requests) == 1
    here, there = pipes.inputs["here"].stream, pipes.inputs["there"].stream
    assert here is not None
    assert there is not None
    assert (here.name, there.name) == ("power", "STUB:there")
    assert pipes.outputs["out"].layout == "float32_1"
    assert not any(os.get_inheritable(fd) for fd in (fds[0], fds[2], fds[5]))
    for pipe in (*pipes.inputs.values(), *pipes.outputs.values()):
        await pipe.close()
    for fd in (fds[1], fds[3], fds[4]):
        os.close(fd)
