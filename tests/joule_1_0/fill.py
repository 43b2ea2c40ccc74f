"""Run with the interpreter of Joule 1.0: do to its node what a plan says.

The argument is a folder with ``plan.json`` and the rows as ``.npy`` files.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import joule.api

FOLDER = Path(sys.argv[1])


async def main() -> None:
    node = joule.api.get_node()
    try:
        for kind, *arguments in json.loads((FOLDER / "plan.json").read_text()):
            await STEPS[kind](node, *arguments)
    finally:
        await node.close()


async def create(
    node: Any, path: str, datatype: str, names: list[str], decimate: bool, keep_us: int
) -> None:
    folder, name = path.rsplit("/", 1)
    elements = [joule.api.Element(each, units="V", display_type="discrete") for each in names]
    stream = joule.api.DataStream(name, "a stream", datatype, keep_us, elements)
    stream.decimate = decimate
    await node.data_stream_create(stream, folder)


async def write(node: Any, path: str, file: str, merge_gap: int) -> None:
    pipe = await node.data_write(path, merge_gap=merge_gap)
    await pipe.write(np.load(FOLDER / file))
    await pipe.close()


async def events(
    node: Any, path: str, fields: dict[str, str], chunk: str, found: list[Any]
) -> None:
    folder, name = path.rsplit("/", 1)
    stream = joule.api.EventStream(name, chunk_duration=chunk, event_fields=fields)
    stream = await node.event_stream_create(stream, folder)
    await node.event_stream_write(stream, [joule.api.Event(*each) for each in found])


async def annotate(
    node: Any, path: str, title: str, content: str, start: int, end: int | None
) -> None:
    note = joule.api.Annotation(title=title, content=content, start=start, end=end)
    await node.annotation_create(note, await node.data_stream_get(path))


async def delete(node: Any, path: str, start: int, end: int) -> None:
    await node.data_delete(path, start, end)


async def consolidate(node: Any, path: str, max_gap: int) -> None:
    await node.data_consolidate(path, max_gap)


async def remove(node: Any, path: str) -> None:
    await node.data_stream_delete(path)


async def user(node: Any, name: str) -> None:
    await node.master_add("user", name)


STEPS: Any = {
    "annotate": annotate,
    "consolidate": consolidate,
    "create": create,
    "delete": delete,
    "events": events,
    "remove": remove,
    "user": user,
    "write": write,
}
asyncio.run(main())
