"""Help for tests of modules: pipes that are filled beforehand, and what came out of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.models.pipes import LocalPipe, compute_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.pipes import Pipe


def args(**values: Any) -> argparse.Namespace:
    return argparse.Namespace(**values)


def rows(layout: str, times: Sequence[int], values: Any) -> Any:
    """Rows with these timestamps; ``values`` is broadcast over rows and columns."""
    out = np.zeros(len(times), dtype=compute_dtype(layout))
    out["timestamp"] = times
    out["data"] = np.asarray(values).reshape(len(times), -1) if len(times) else 0
    return out


async def filled(layout: str, *intervals: Any, block: int = 1_000_000) -> LocalPipe:
    """A closed pipe with these intervals in it, written in blocks of some rows."""
    pipe = LocalPipe(layout)
    for number, interval in enumerate(intervals):
        if number:
            await pipe.close_interval()
        for start in range(0, len(interval), block):
            await pipe.write(interval[start : start + block])
    await pipe.close()
    return pipe


async def intervals_in(pipe: Pipe) -> list[Any]:
    """What is in a pipe, which is closed: one array per interval, those without rows left out."""
    await pipe.close()
    pieces: list[list[Any]] = [[]]
    while await pipe.not_empty():
        data = await pipe.read()
        pipe.consume(len(data))
        pieces[-1].append(data)
        if pipe.end_of_interval:
            pieces.append([])
    joined = [np.concatenate(piece) for piece in pieces if piece]
    return [piece for piece in joined if len(piece)]
