"""The blocking client: the same methods, in scripts, threads and running event loops."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule import api
from joule.api import DataStream, Element, Event, EventStream, sync
from joule.errors import ApiError, DataError, EmptyPipeError, StreamNotFound
from tests.unit.api import sync_source
from tests.unit.api.served import served_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.testing.node import RunningNode

THREAD = "joule.api.sync"


@pytest.fixture(scope="module")
def served() -> Iterator[RunningNode]:
    with served_node() as running:
        yield running


@pytest.fixture
def node(served: RunningNode) -> Iterator[sync.TcpNode]:
    with sync.TcpNode("test", served.url, served.key) as node:
        yield node
        for folder in node.folder_root().children:
            node.folder_delete(folder, recursive=True)


def make_stream(node: sync.Node, path: str = "/a") -> DataStream:
    stream = DataStream("stream", elements=[Element("x"), Element("y")])
    return node.data_stream_create(stream, path)


def counting(rows: int, first: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    times = np.arange(first, first + rows)
    return np.column_stack([times, times, -times]).astype(np.float64)


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == THREAD]


def until_produced(node: sync.Node, stream: DataStream) -> None:
    """Wait until the node knows of a writer of the stream."""
    for _ in range(1000):
        if node.data_stream_get(stream).is_destination:
            return
    pytest.fail("nobody writes the stream")


# ------------------------------------------------------------------ the same names


def test_the_file_of_methods_is_what_the_coroutines_make() -> None:
    assert sync_source.PATH.read_text() == sync_source.source(), (
        "run python -m tests.unit.api.sync_source"
    )


def test_it_has_the_names_of_the_other_client() -> None:
    assert set(api.__all__) - set(sync.__all__) == set()
    assert [name for name in sync.__all__ if not hasattr(sync, name)] == []


@pytest.mark.parametrize("kind", ["Node", "TcpNode", "UnixNode"])
def test_it_has_the_methods_of_the_other_client(kind: str) -> None:
    def methods(module: object) -> dict[str, list[str]]:
        found = inspect.getmembers(getattr(module, kind), inspect.isfunction)
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in found
            if not name.startswith("_")
        }

    wanted, found = methods(api), methods(sync)
    assert {name: found.get(name) for name in wanted if name != "to_config"} == {
        name: parameters for name, parameters in wanted.items() if name != "to_config"
    }
    assert [name for name in found if not getattr(sync.Node, name).__doc__] == []


# ------------------------------------------------------------------ rows


def test_rows_are_written_and_read(node: sync.Node) -> None:
    stream = make_stream(node)
    with node.data_write(stream) as pipe:
        pipe.write(counting(3))
        pipe.close_interval()
        pipe.write(counting(2, first=10))
    assert pipe.closed
    with node.data_read(stream) as pipe_in:
        assert (pipe_in.layout, pipe_in.width, pipe_in.name) == ("float32_2", 2, "stream")
        first = pipe_in.read()
        while not pipe_in.end_of_interval:  # rows may come before the break behind them
            first = pipe_in.read()
        assert first["timestamp"].tolist() == [1, 2, 3]
        pipe_in.consume(2)
        pipe_in.reread_last()
        assert pipe_in.read(flatten=True).tolist() == [[3, 3, -3]]
        pipe_in.consume_all()
        assert not pipe_in.is_empty()
        assert len(pipe_in.read_all()) == 2
    assert node.data_intervals(stream) == [[1, 4], [10, 12]]
    assert len(node.data_read_array(stream)) == 5


def test_a_pipe_can_be_iterated_in_blocks_of_rows(node: sync.Node) -> None:
    stream = make_stream(node)
    with node.data_write(stream) as pipe:
        pipe.enable_cache(10)
        pipe.write(counting(3))
        pipe.flush_cache()
        pipe.close_interval()
        pipe.write(counting(50_000, first=100))
    pipe_in = node.data_read(stream)
    blocks = [rows["timestamp"].tolist() for rows in pipe_in]
    assert [time for block in blocks for time in block] == [1, 2, 3, *range(100, 50_100)]
    assert not [block for block in blocks if block[0] < 100 <= block[-1]]
    assert pipe_in.closed


def test_a_range_without_rows_gives_a_pipe_that_has_ended(node: sync.Node) -> None:
    pipe = node.data_read(make_stream(node))
    with pipe, pytest.raises(EmptyPipeError):
        pipe.read()
    assert list(node.data_read("/a/stream", start=5)) == []


def test_errors_arrive_with_the_text_of_the_node(node: sync.Node) -> None:
    with pytest.raises(StreamNotFound, match=r"^stream does not exist \[404\]$"):
        node.data_read("/not/there")
    with node.data_write(make_stream(node)) as pipe:
        pipe.write(counting(3))
        with pytest.raises(DataError, match="timestamps are not monotonic"):
            pipe.write(counting(3))


def test_live_rows_are_followed(node: sync.Node) -> None:
    stream = make_stream(node)
    with node.data_write(stream) as output:
        until_produced(node, stream)
        with node.data_subscribe(stream) as pipe:
            for first in (1, 11):
                output.write(counting(10, first))
                seen = 0
                while seen < 10:
                    rows = pipe.read()
                    pipe.consume(len(rows))
                    seen += len(rows)


# ------------------------------------------------------------------ events and the rest


def test_events_are_a_list_or_blocks(node: sync.Node) -> None:
    stream = node.event_stream_create(EventStream("events"), "/a")
    node.event_stream_write(stream, [Event(i, i + 1, {"n": i}) for i in range(25)])
    assert [e.content["n"] for e in node.event_stream_read(stream, limit=3)] == [0, 1, 2]
    blocks = node.event_stream_read(stream, start=5, block_size=10, include_on_going_events=False)
    assert [len(block) for block in blocks] == [10, 10]
    assert node.event_stream_count(stream) == 25


def test_a_follower_is_a_blocking_node_too(node: sync.Node) -> None:
    assert node.follower_list() == []
    with pytest.raises(ApiError, match="follower"):
        node.follower_remove(sync.TcpNode("other", "http://127.0.0.1:1", "key"))


def test_the_socket_of_the_node_needs_no_key(served: RunningNode) -> None:
    with sync.create_unix_node(str(served.socket_path)) as node:
        assert node.info().name == "test_node"
        assert "UnixNode" in repr(node)


def test_saved_nodes_are_the_same_for_both_clients(served: RunningNode) -> None:
    sync.save_node(sync.create_tcp_node(served.url, served.key, "mine"))
    sync.set_default_node("mine")
    with sync.get_node() as node:
        assert node.version() == "2.0.0"
        assert [found.name for found in sync.get_nodes()] == ["mine"]
        assert api.get_node().url == served.url
        sync.delete_node(node)
    assert api.get_nodes() == []


# ------------------------------------------------------------------ loops, threads, the end


async def test_it_works_where_an_event_loop_is_running(node: sync.Node) -> None:
    assert node.folder_root().name == "root"


def test_several_threads_may_use_one_node(node: sync.Node) -> None:
    names: list[str] = []
    threads = [
        threading.Thread(target=lambda: names.append(node.folder_root().name)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["root"] * 8


def test_closing_ends_the_thread_and_the_pipes_and_the_node_can_be_used_again(
    node: sync.Node, served: RunningNode
) -> None:
    mine = sync.TcpNode("mine", served.url, served.key)
    before = len(own_threads())
    stream = make_stream(mine)
    pipe = mine.data_write(stream)
    pipe.write(counting(1))
    assert len(own_threads()) == before + 1
    mine.close()
    mine.close()
    assert len(own_threads()) == before
    with pytest.raises(ApiError, match="the node was closed"):
        pipe.write(counting(1, first=5))
    with pytest.raises(ApiError, match="the node was closed"):
        pipe.close()
    pipe.close()
    assert mine.folder_root().name == "root"
    mine.close()


def test_a_node_that_is_forgotten_leaves_no_thread(served: RunningNode) -> None:
    before = len(own_threads())
    node = sync.TcpNode("mine", served.url, served.key)
    node.folder_root()
    del node
    assert len(own_threads()) == before


def test_closing_the_node_ends_a_wait_in_another_thread(
    node: sync.Node, served: RunningNode
) -> None:
    mine = sync.TcpNode("mine", served.url, served.key)
    stream = make_stream(mine)
    errors: list[BaseException] = []
    reading = threading.Event()

    def follow() -> None:
        with mine.data_subscribe(stream) as pipe:
            reading.set()
            try:
                pipe.read()
            except ApiError as error:
                errors.append(error)

    with node.data_write(stream):
        until_produced(node, stream)
        thread = threading.Thread(target=follow)
        thread.start()
        reading.wait(10)
        mine.close()
        thread.join(10)
    assert [str(error) for error in errors] == ["the node was closed"]


def test_ctrl_c_ends_a_wait_and_the_node_goes_on(node: sync.Node) -> None:
    stream = make_stream(node)
    with node.data_write(stream):
        until_produced(node, stream)
        pipe = node.data_subscribe(stream)
        timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            pipe.read()
        timer.join()
        pipe.close()
    assert node.folder_root().name == "root"


def script(served: RunningNode, text: str) -> subprocess.CompletedProcess[str]:
    head = f"from joule.api import sync\nnode = sync.TcpNode('n', {served.url!r}, {served.key!r})\n"
    code = head + textwrap.dedent(text)
    # Not -X dev: asyncio would also report whatever took longer than it likes.
    command = [sys.executable, "-W", "default", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_script_that_closes_nothing_ends_without_a_word(served: RunningNode) -> None:
    done = script(served, "print(node.folder_root().name)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "root\n", "")


def test_a_forked_child_is_told_to_make_its_own_node(served: RunningNode) -> None:
    done = script(
        served,
        """
        import os
        node.folder_root()
        child = os.fork()
        if not child:
            try:
                node.folder_root()
            except Exception as error:
                print(error, flush=True)
            with sync.TcpNode("n", node.url, KEY) as mine:
                print(mine.folder_root().name, flush=True)
            raise SystemExit(0)
        print(os.waitpid(child, 0)[1], node.folder_root().name)
        """.replace("KEY", repr(served.key)),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "this node was used before the process was forked, make a new one in the child",
        "root",
        "0 root",
    ]


def test_importing_it_starts_no_thread_and_loads_no_arrays() -> None:
    code = (
        "import sys, threading; import joule.api.sync;"
        "print(threading.active_count(), 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 False"
