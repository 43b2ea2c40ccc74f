"""Run by the interpreter that has ``joule==1.0.1``: fills its node, uploads, tells what is there.

Knows nothing but the client of Joule 1.0; prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np

import joule.api
from joule.api import DataStream, Element, Event, EventStream

START = 1_700_000_000_000_000


async def fill(node: Any, folder: str) -> Any:
    volts = DataStream("volts", elements=[Element("x"), Element("y")])
    made = await node.data_stream_create(volts, folder)
    for first in (0, 10, 20):
        rows = [[START + (first + i) * 1_000_000, first, -i] for i in range(5)]
        await store(node, made, rows)
    one = DataStream("one", datatype="int16", elements=[Element("x")])
    await store(
        node, await node.data_stream_create(one, folder), [[START + i, i] for i in range(3)]
    )
    trips = await node.event_stream_create(
        EventStream("trips", event_fields={"n": "numeric"}), folder
    )
    events = [Event(START + i, START + i + 5, {"n": i}) for i in range(9)]
    await node.event_stream_write(trips, events)
    return await tell(node, folder)


async def store(node: Any, stream: Any, rows: Any) -> None:
    pipe = await node.data_write(stream)
    await pipe.write(np.array(rows, dtype=float))
    await pipe.close()


async def upload(node: Any, file: str) -> Any:
    """Give the warnings and errors of an import."""
    report = (await node.archive_upload(file)).to_json()
    return report["warnings"] + report["errors"]


async def tell(node: Any, folder: str) -> Any:
    told: dict[str, Any] = {}
    for name in ("volts", "one"):
        rows = await (await node.data_read(f"{folder}/{name}")).read_all(flatten=True)
        told[name] = [rows.tolist(), await node.data_intervals(f"{folder}/{name}")]
    stream = await node.event_stream_get(f"{folder}/trips")
    events = [event async for event in node.event_stream_read(stream)]
    told["trips"] = sorted(json.dumps([e.start_time, e.end_time, e.content]) for e in events)
    return told


async def main(order: str, argument: str) -> None:
    node = joule.api.get_node()
    try:
        work = {"fill": fill, "upload": upload, "tell": tell}[order]
        print(json.dumps(await work(node, argument)))  # noqa: T201 - the caller reads it
    finally:
        await node.close()


asyncio.run(main(*sys.argv[1:]))
