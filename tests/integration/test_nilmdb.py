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
        checked = node.joule("admin", "check", *here)
        assert checked.returncode == 0, checked.stderr
        assert checked.stdout.endswith("100 rows in NilmDB\nOK\n")
        assert node.stop() == 0
        (path,) = [path for path in double.streams if "~" not in path]
        double.streams[path].intervals = [(START, START + 50_000)]
        checked = node.joule("admin", "check", *here)
        assert checked.returncode == 1
        assert "/nilm/data: there are 100 rows, 50 of them in intervals\n" in checked.stdout
        assert checked.stderr.endswith("Error: 1 problems found\n")
        erased = node.joule("admin", "erase", *here, "--yes")
        assert erased.returncode == 0, erased.stderr
        assert double.streams == {}


def migrate(node: ConfiguredDaemon, *words: str) -> tuple[int, str]:
    """Migrate from the node's own file; gives the status and all that was printed."""
    source = f"sqlite:///{node.data}/joule.db"
    done = node.joule("admin", "migrate", "--from", source, *words)
    return done.returncode, done.stdout + done.stderr


def test_a_node_moves_away_from_the_server_and_back(
    node: ConfiguredDaemon, port: int, tmp_path: Path
) -> None:
    double, away, back = NilmDB(), f"sqlite:///{tmp_path}/away.db", f"sqlite:///{tmp_path}/back.db"
    with serving(double, port):
        node.start()
        node.ask(make)
        node.ask(lambda n: write(n, rows_of(0, ROWS)))
        assert node.stop() == 0

        status, text = migrate(node, "--to", away)
        assert (status, f"are in NilmDB at [{double.url}]" in text) == (1, True), text
        assert "--from-nilmdb" in text
        status, text = migrate(node, "--to", away, "--from-nilmdb", double.url)
        assert (status, "both ends are the same" in text) == (0, True), text

    alone = node.file.with_name("alone.conf")
    settings = node.file.read_text().replace("NilmdbUrl", "#").replace("[Main]", "[Main]\n", 1)
    alone.write_text(settings.replace("[Main]", f"[Main]\nDatabase = {away}", 1))
    node.file = alone
    node.start()
    assert node.ask(read).tobytes() == rows_of(0, ROWS).tobytes()
    assert node.stop() == 0

    with serving(NilmDB()) as other:
        words = ("--from", away, "--to", back, "--to-nilmdb", other.url)
        done = node.joule("admin", "migrate", *words, "--from-nilmdb", other.url)
        assert "No node with its data in" in done.stderr
        done = node.joule("admin", "migrate", *words)
        assert done.returncode == 0, done.stderr
        (path,) = [path for path in other.streams if "~" not in path]
        assert other.streams[path].rows.tobytes() == rows_of(0, ROWS).tobytes()
        done = node.joule("admin", "migrate", *words[:4])
        assert done.stderr.endswith("name it with --to-nilmdb\n")
        done = node.joule("admin", "migrate", *words[:4], "--to-nilmdb", "none")
        assert done.stderr.endswith("name it with --to-nilmdb\n")
