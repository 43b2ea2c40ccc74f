"""Run with the interpreter of Joule 1.0: print what its node has, as JSON.

The argument is a folder with ``look.json``, the paths of the streams; what they hold is put beside
it as ``.npy`` files, in the order of the paths.
"""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np

import joule.api

FOLDER = Path(sys.argv[1])


async def main() -> None:
    node = joule.api.get_node()
    found = []
    try:
        for number, path in enumerate(json.loads((FOLDER / "look.json").read_text())):
            intervals = await node.data_intervals(path)
            # One by one: of several intervals its client often loses the last blocks.
            runs = [await node.data_read_array(path, start=a, end=b) for a, b in intervals]
            np.save(FOLDER / f"{number}.npy", np.concatenate(runs))
            start, end = intervals[0][0], intervals[-1][1]
            view = await node.data_read_array(path, start, end, max_rows=50)
            found.append({"intervals": intervals, "groups": len(view)})
    finally:
        await node.close()
    sys.stdout.write(json.dumps(found))


asyncio.run(main())
