"""A node whose rows are in a NilmDB server (a double of one, see there)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.api import DataStream, Element
from joule.errors import ApiError
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import free_port, wait_until
from tests.integration.nilmdb import NilmDB, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.api import TcpNode

START = 1_700_000_000_000_000
ROWS = 20_000


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def node(tmp_path: Path, port: int) -> Iterator[ConfiguredDaemon]:
    url = f"http://127.0.0.1:{port}"
    made = ConfiguredDaemon(tmp_path, "nilm", f"NilmdbUrl = {url}/\n")
    with made:
        yield made


def rows_of(start: int, end: int) -> Any:
    rows: Any = np.zeros(end - start, [("timestamp", "<i8"), ("data", "<f4", (3,))])
    rows["timestamp"] = START + 1000 * np.arange(start, end)
    rows["data"] = np.arange(start, end)[:, None] + [0, 0.25, 0.5]
    return rows


async def make(node: TcpNode) -> None:
    elements = [Element("a"), Element("b"), Element("c")]
    await node.data_stream_create(DataStream("data", elements=elements), "/nilm")


async def write(node: TcpNode, rows: Any) -> None:
    async with await node.data_write("/nilm/data") as pipe:
        await pipe.write(rows)


async def read(node: TcpNode) -> Any:
    async with await node.data_read("/nilm/data") as pipe:
        return await pipe.read_all(flatten=False)


async def overview(node: TcpNode) -> Any:
    async with await node.data_read("/nilm/data", max_rows=100) as pipe:
        return await pipe.read_all(flatten=False)


async def intervals(node: TcpNode) -> list[Any]:
    return [list(pair) for pair in await node.data_intervals("/nilm/data")]


def test_rows_are_in_the_server_whatever_ends(node: ConfiguredDaemon, port: int) -> None:
    double = NilmDB()
    with serving(double, port):
        node.start()
        node.ask(make)
        node.ask(lambda n: write(n, rows_of(0, ROWS)))
        assert node.ask(read).tobytes() == rows_of(0, ROWS).tobytes()
        assert 25 <= len(node.ask(overview)) <= 100
        (path,) = [path for path in double.streams if "~" not in path]
        assert double.streams[path].rows.tobytes() == rows_of(0, ROWS).tobytes()
        assert node.ask(lambda n: n.data_stream_info("/nilm/data")).rows == ROWS

        info = node.ask(lambda n: n.info())
        assert info.fault is None
        assert info.size_db > rows_of(0, ROWS).nbytes
        node.kill()  # what was acknowledged is there
        node.start()
        assert node.ask(read).tobytes() == rows_of(0, ROWS).tobytes()
        node.ask(lambda n: n.data_delete("/nilm/data", START + 1_000_000, START + 2_000_000))
        node.ask(lambda n: write(n, rows_of(1200, 1800)))
        edges = [(0, 1000), (1200, 1800), (2000, ROWS)]
        expected = [[START + 1000 * a, START + 1000 * (b - 1) + 1] for a, b in edges]
        assert node.ask(intervals) == expected

    with pytest.raises(ApiError, match=r"NilmDB at .* does not answer"):
        node.ask(read)
    wait_until(lambda: fault_of(node), 20, lambda: node.text)
    with pytest.raises(ApiError, match="does not answer"):
        node.ask(lambda n: write(n, rows_of(ROWS, ROWS + 10)))

    with serving(double, port):
        wait_until(lambda: not fault_of(node), 30, lambda: node.text)
        whole = [rows_of(*edge) for edge in edges]
        assert node.ask(read).tobytes().startswith(np.concatenate(whole).tobytes())
        assert node.stop() == 0
        node.start()
        assert node.ask(read).tobytes().startswith(np.concatenate(whole).tobytes())
        node.ask(lambda n: n.folder_delete("/nilm", recursive=True))
        assert [path for path, stream in double.streams.items() if len(stream.rows)] == []


def fault_of(node: ConfiguredDaemon) -> str | None:
    return node.ask(lambda n: n.info()).fault


def test_a_node_does_not_start_without_the_server(node: ConfiguredDaemon) -> None:
    process = node.spawn()
    assert process.wait(30) == 1
    assert "Cannot start: NilmDB at [" in node.text
    assert "Traceback" not in node.text


@pytest.mark.parametrize("url", ["nilmdb", "ftp://host/", "http://"])
def test_an_address_that_cannot_be_is_named(tmp_path: Path, url: str) -> None:
    with ConfiguredDaemon(tmp_path, "nilm", f"NilmdbUrl = {url}\n") as node:
        assert node.spawn().wait(30) == 1
        assert f"NilmdbUrl [{url}] is not http://HOST or https://HOST ([Main]" in node.text


def test_the_commands_of_the_machine_know_of_the_server(
    node: ConfiguredDaemon, port: int, tmp_path: Path
) -> None:
    double = NilmDB()
    with serving(double, port):
        node.start()
        node.ask(make)
        node.ask(lambda n: write(n, rows_of(0, 100)))
        here = ("--config", str(node.file))
        saved = node.joule("admin", "backup", *here, str(tmp_path / "backup.db"))
        assert saved.returncode == 0, saved.stderr
        assert f"are in NilmDB at [{double.url}], not in it" in saved.stdout
        assert node.stop() == 0
        erased = node.joule("admin", "erase", *here, "--yes")
        assert erased.returncode == 0, erased.stderr
        assert double.streams == {}
