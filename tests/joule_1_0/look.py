"""Run with the interpreter of Joule 1.0: print what its node has, as JSON.

The argument is a folder with ``look.json``, the paths of the streams; what they hold is put beside
it as ``.npy`` files, in the order of the paths.
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
    found = []
    try:
        for number, path in enumerate(json.loads((FOLDER / "look.json").read_text())):
            intervals = await node.data_intervals(path)
            np.save(FOLDER / f"{number}.npy", await read(node, path, intervals[-1][1]))
            start, end = intervals[0][0], intervals[-1][1]
            view = await node.data_read_array(path, start, end, max_rows=50)
            found.append({"intervals": intervals, "groups": len(view)})
    finally:
        await node.close()
    sys.stdout.write(json.dumps(found))


async def read(node: Any, path: str, end: int) -> Any:
    """All rows; again when the last block is missing, which its client loses now and then."""
    for _ in range(10):
        rows = await node.data_read_array(path)
        if rows["timestamp"][-1] + 1 == end:
            break
    return rows


asyncio.run(main())
