"""Streams of small numbers for the tests of the data commands, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.api import DataStream, Element

if TYPE_CHECKING:
    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

START = 1_700_000_000_000_000


async def write(node: TcpNode, path: str, values: Any, starts: tuple[int, ...] = (0,)) -> None:
    """Write the same ``(n, 2)`` values, a millisecond apart, as an interval at each start."""
    folder, _, name = path.rpartition("/")
    stream = DataStream(name, datatype="float32", elements=[Element("a"), Element("b")])
    await node.data_stream_create(stream, folder)
    async with await node.data_write(path) as pipe:
        for start in starts:
            times = START + start + 1000.0 * np.arange(len(values))
            await pipe.write(np.column_stack([times, values]))
            await pipe.close_interval()


def plant(daemon: Daemon, path: str, count: int = 4, starts: tuple[int, ...] = (0,)) -> str:
    """A stream of small numbers; gives its path."""
    values = np.arange(2 * count).reshape(count, 2) / 4
    daemon.ask(lambda node: write(node, path, values, starts))
    return path


def rows_of(daemon: Daemon, path: str) -> Any:
    """All rows of a stream."""
    return daemon.ask(lambda node: node.data_read_array(path, max_rows=None))


def intervals_of(daemon: Daemon, path: str) -> Any:
    """The intervals of a stream."""
    return daemon.ask(lambda node: node.data_intervals(path))


def transcript(daemon: Daemon, *words: str, answer: str = "") -> str:
    """Run a command and give its output, what it said of errors and its status."""
    result = daemon.joule("data", *words, answer=answer)
    errors = result.stderr.split("--\n", 1)[-1]
    return f"{result.stdout}{errors}[{result.returncode}]"
