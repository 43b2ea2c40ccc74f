"""The one question most modules ask their node: which stream is behind an input pipe.

It is asked with plain asyncio, because loading the client library and its HTTP stack costs more
than everything else a filter does at its start.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from joule.errors import ApiError, NodeConnectionError
from joule.models.layout import Layout
from joule.models.streams import DataStream, Element

if TYPE_CHECKING:
    from collections.abc import Mapping


def stub_stream(pipe: str, layout: str) -> DataStream:
    """Describe a stream of which only the layout is known: its elements are E0, E1, ..."""
    shape = Layout.parse(layout)
    elements = [Element(name=f"E{index}", index=index) for index in range(shape.width)]
    return DataStream(name=f"STUB:{pipe}", datatype=shape.datatype, elements=elements)


async def query_stream(socket: str, stream_id: int) -> DataStream:
    """Ask the node behind a UNIX socket for a data stream by its id.

    Raises ``NodeConnectionError`` when it does not answer, else the error that it answers.
    """
    # Readers ask nothing, and a node may have a hundred of them to start.
    from joule.wire.faults import FAULT_HEADER, error_from
    from joule.wire.json_models.streams import data_stream_from_json
    from joule.wire.routes import Route

    try:
        answer = await _get(socket, f"{Route.STREAM}?id={stream_id}")
    except (OSError, EOFError) as error:
        raise NodeConnectionError(f"Cannot contact node at [{socket}]") from error
    status, headers, body = _parse(answer)
    if status != 200:
        raise error_from(status, body.decode(errors="replace"), headers.get(FAULT_HEADER.lower()))
    return data_stream_from_json(json.loads(body))


async def _get(socket: str, target: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        # HTTP/1.0: the answer comes in one piece and ends with the connection.
        writer.write(f"GET {target} HTTP/1.0\r\nHost: joule.localhost\r\n\r\n".encode())
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def _parse(answer: bytes) -> tuple[int, Mapping[str, str], bytes]:
    head, blank, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if not blank or len(words) < 2 or not words[1].isdigit():
        raise ApiError(f"Invalid node response: {first}")
    pairs = (line.partition(":") for line in lines)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}, body
