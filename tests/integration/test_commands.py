"""The commands against a real node, in the order in which a user might type them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from joule.api import DataStream, Element

if TYPE_CHECKING:
    from pathlib import Path

    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

START = 1_700_000_000_000_000


def ok(daemon: Daemon, *words: str) -> str:
    """Run a command that must succeed; gives what it printed."""
    result = daemon.joule(*words)
    assert result.returncode == 0, (words, result.stderr)
    assert result.stderr.startswith("--connecting to [")
    return result.stdout


def saved_rows(path: Path, count: int = 1000) -> str:
    """An HDF5 file with rows a millisecond apart, as another program may have written it."""
    with h5py.File(path, "w") as file:
        file["timestamp"] = (START + 1000 * np.arange(count))[:, None]
        file["data"] = np.column_stack([np.arange(count), -np.arange(count)]).astype("<i4")
    return str(path)


@pytest.fixture
def stream(shared: Daemon, tmp_path: Path) -> str:
    """A stream that was ingested: 1000 rows of int32_2."""
    path = f"/{tmp_path.name}/first/data"
    text = ok(shared, "data", "ingest", "-s", path, saved_rows(tmp_path / "rows.h5"))
    assert f"creating [{path}]" in text
    return path


def test_rows_go_in_and_come_out_the_same(shared: Daemon, stream: str, tmp_path: Path) -> None:
    lines = ok(shared, "data", "read", stream).splitlines()
    assert len(lines) == 1000
    assert lines[7] == f"{START + 7000} 7.000000 -7.000000"
    part = ok(shared, "data", "read", "-s", str(START + 1), "-e", str(START + 3000), stream)
    assert [line.split()[0] for line in part.splitlines()] == [str(START + 1000), str(START + 2000)]
    means = ok(shared, "data", "read", "-r", "10", "-b", stream).splitlines()
    assert 0 < len(means) <= 10
    assert {len(line.split()) for line in means} == {7}
    target = tmp_path / "out.h5"
    ok(shared, "data", "read", "-f", str(target), stream)
    with h5py.File(target) as out, h5py.File(tmp_path / "rows.h5") as first:
        assert np.array_equal(out["data"][:], first["data"][:])
        assert np.array_equal(out["timestamp"][:], first["timestamp"][:])


def test_a_reader_that_has_enough_ends_the_command(shared: Daemon, stream: str) -> None:
    pipeline = f"set -o pipefail; {sys.executable} -m joule.cli data read {stream} | head -n 1"
    result = subprocess.run(
        ["bash", "-c", pipeline],
        capture_output=True,
        text=True,
        check=False,
        env=shared.environment,
        timeout=30,
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr.splitlines() == [f"--connecting to [{shared.saved['name']}]--"]


def test_ranges_go_and_gaps_close(shared: Daemon, stream: str) -> None:
    bounds = ("-s", str(START + 100_000), "-e", str(START + 200_000))
    assert ok(shared, "data", "delete", *bounds, stream) == "OK\n"
    assert len(ok(shared, "data", "intervals", stream).splitlines()) == 2
    marked = ok(shared, "data", "read", "-m", stream).splitlines()
    assert len(marked) == 901
    assert marked[100] == "# interval break"
    narrow = ok(shared, "data", "consolidate", "-m", "1000", stream)
    assert narrow == "No intervals less than 1000 us\n"
    wide = ok(shared, "data", "consolidate", "-m", "200000", "--redecimate", stream)
    assert wide == "Consolidated 1 intervals\nRecomputing decimations...OK\n"
    assert len(ok(shared, "data", "intervals", stream).splitlines()) == 1
    assert ok(shared, "data", "remove", "--all", stream) == "OK\n"
    assert ok(shared, "data", "intervals", stream) == "no stream data\n"
    empty = shared.joule("data", "read", stream)
    assert empty.returncode == 1
    assert "This stream has no data" in empty.stderr


def test_streams_and_folders_are_moved_renamed_and_deleted(shared: Daemon, stream: str) -> None:
    top = stream.split("/")[1]
    assert ok(shared, "stream", "rename", stream, "renamed") == "OK\n"
    assert ok(shared, "stream", "move", f"/{top}/first/renamed", f"/{top}/second") == "OK\n"
    assert "Rows:         1000" in ok(shared, "stream", "info", "-e", f"/{top}/second/renamed")
    assert ok(shared, "folder", "rename", f"/{top}/second", "third") == "OK\n"
    assert ok(shared, "folder", "move", f"/{top}/third", f"/{top}/first") == "OK\n"
    tree = ok(shared, "folder", "list", "-l", f"/{top}")
    assert tree.rstrip().splitlines()[1:] == [
        top,
        "└── first",
        "    └── third",
        "        └── renamed (int32_2)",
    ]
    assert "specify [recursive]" in shared.joule("folder", "remove", f"/{top}").stderr
    assert ok(shared, "folder", "remove", "-r", f"/{top}") == "OK\n"
    assert f"── {top}" not in ok(shared, "folder", "list")


def test_a_lost_list_of_nodes_is_made_again_beside_a_running_node(daemon: Daemon) -> None:
    daemon.start()
    check_access_can_be_had_again(daemon)


def test_a_lost_list_of_nodes_is_made_again_while_the_node_is_down(daemon: Daemon) -> None:
    daemon.start()
    daemon.stop()
    check_access_can_be_had_again(daemon, "--url", daemon.url)


def check_access_can_be_had_again(daemon: Daemon, *options: str) -> None:
    lost = daemon.key
    (daemon.folder / "user" / "nodes.json").unlink()
    result = daemon.joule("admin", "authorize", "--data", str(daemon.data), *options)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "Access to node [joule_node] granted to user [tester]\n"
    assert daemon.key != lost
    assert daemon.saved["url"] == daemon.url
    if daemon.process is None:
        daemon.start()
    assert daemon.ask(lambda node: node.folder_root()).name == "root"
    assert daemon.request("GET", "/", None, {"X-API-KEY": lost})[0] == 403


def test_rows_of_another_process_are_seen_at_once(shared: Daemon) -> None:
    async def write(node: TcpNode) -> Any:
        stream = DataStream("seen", elements=[Element("x")])
        await node.data_stream_create(stream, "/at/once")
        pipe = await node.data_write("/at/once/seen")
        await pipe.write(np.array([[float(START), 0.25]]))
        await pipe.close()

    shared.ask(write)
    assert ok(shared, "data", "read", "/at/once/seen") == f"{START} 0.250000\n"
