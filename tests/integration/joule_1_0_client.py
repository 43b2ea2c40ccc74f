"""What a script of Joule 1.0 does; run by an interpreter that has ``joule==1.0.1``, not by pytest.

``python joule_1_0_client.py URL KEY`` prints what it saw as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np

import joule.api
from joule import errors

START = 1_700_000_000_000_000


async def write(node: Any) -> None:
    stream = joule.api.DataStream(
        name="old", datatype="float32", elements=[joule.api.Element("a"), joule.api.Element("b")]
    )
    await node.data_stream_create(stream, "/from/old")
    pipe = await node.data_write("/from/old/old")
    for block in range(3):
        times = START + 1000 * np.arange(block * 100, block * 100 + 100)
        values = np.column_stack([times, np.arange(100) + block * 100, np.full(100, 0.5)])
        await pipe.write(values)
        if block == 1:
            await pipe.close_interval()
    await pipe.close()


async def read(node: Any) -> dict[str, Any]:
    stream = await node.data_stream_get("/from/old/old")
    pipe = await node.data_read(stream)
    rows = await pipe.read_all()
    part = await node.data_read_array(stream, start=START, end=START + 10_000)
    decimated = await node.data_read_array(stream, max_rows=20)
    info = await node.data_stream_info(stream)
    return {
        "rows": len(rows),
        "sum": float(rows["data"][:, 0].sum()),
        "part": len(part),
        "decimated_columns": decimated["data"].shape[1],
        "decimated_rows": len(decimated),
        "info": [info.start, info.end, info.rows],
        "intervals": await node.data_intervals(stream),
        "layout": stream.layout,
    }


async def subscribe(node: Any, path: str) -> int:
    pipe = await node.data_subscribe(path)
    seen = 0
    while seen < 5:
        rows = await pipe.read()
        seen += len(rows)
        pipe.consume(len(rows))
    await pipe.close()
    return seen


async def delete(node: Any) -> dict[str, Any]:
    await node.data_delete("/from/old/old", start=START + 50_000, end=START + 60_000)
    intervals = await node.data_intervals("/from/old/old")
    await node.data_stream_delete("/from/old/old")
    try:
        await node.data_stream_get("/from/old/old")
    except errors.ApiError as error:
        gone = str(error)
    await node.folder_delete("/from", recursive=True)
    return {"after_delete": len(intervals), "gone": gone}


async def work(url: str, key: str, live: str) -> dict[str, Any]:
    node = joule.api.create_tcp_node(url, key)
    root = await node.folder_root()
    modules = await node.module_list(statistics=True)
    about = await node.info()
    seen: dict[str, Any] = {
        "root": root.name,
        "modules": sorted(module.name for module in modules),
        "version": about.version,
        "logs": len(await node.module_logs(modules[0].name)),
    }
    await write(node)
    seen |= await read(node)
    seen["live"] = await subscribe(node, live)
    seen |= await delete(node)
    await node.close()
    return seen


if __name__ == "__main__":
    print(json.dumps(asyncio.run(work(*sys.argv[1:]))))  # noqa: T201 - the caller reads it
