"""Copies of events and folders at real nodes: exact, and resumed after they were cut off."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.api import DataStream, Element, Event, EventStream
from tests.integration.daemon import Daemon, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.api import TcpNode

pytestmark = pytest.mark.slow

START = 1_700_000_000_000_000
SECOND = 1_000_000
MANY = 60_000


def ok(daemon: Daemon, *words: str) -> str:
    result = daemon.joule(*words)
    assert result.returncode == 0, (words, result.stderr)
    return result.stdout


def write(daemon: Daemon, path: str, events: list[Event]) -> None:
    async def writing(node: TcpNode) -> None:
        stream = await node.event_stream_get(path, create=True, event_fields={"n": "numeric"})
        await node.event_stream_write(stream, events)

    daemon.ask(writing)


def contents(daemon: Daemon, path: str) -> list[tuple[int, int | None, int]]:
    async def reading(node: TcpNode) -> list[tuple[int, int | None, int]]:
        found = node.event_stream_read(path)
        return [(event.start_time, event.end_time, event.content["n"]) async for event in found]

    return daemon.ask(reading)


def event(n: int, start_s: float, end_s: float | None) -> Event:
    end = None if end_s is None else START + int(end_s * SECOND)
    return Event(START + int(start_s * SECOND), end, {"n": n})


def rows(daemon: Daemon, path: str) -> tuple[bytes, list[list[int]]]:
    async def reading(node: TcpNode) -> tuple[bytes, list[list[int]]]:
        array = await node.data_read_array(path, flatten=True)
        return array.tobytes(), await node.data_intervals(path)

    return daemon.ask(reading)


@pytest.fixture
def top(shared: Daemon, tmp_path: Path) -> str:
    return f"/{tmp_path.name}"


def test_a_new_copy_adds_exactly_what_is_missing(shared: Daemon, top: str) -> None:
    first = [event(0, 0, 10), event(1, 1, 1.5), event(2, 2, 9), event(2, 2, 9)]
    write(shared, f"{top}/a", first[:3])
    ok(shared, "event", "copy", f"{top}/a", f"{top}/b")
    # The same time and content once more, one that overlaps the last one, one without an end.
    more = [first[3], event(4, 2, 3), event(5, 5, 6), event(6, 20, None)]
    write(shared, f"{top}/a", more)
    assert "Starting copy at" in ok(shared, "event", "copy", "--new", f"{top}/a", f"{top}/b")
    assert sorted(contents(shared, f"{top}/b"), key=str) == sorted(
        contents(shared, f"{top}/a"), key=str
    )
    ok(shared, "event", "copy", "--new", f"{top}/a", f"{top}/b")
    assert len(contents(shared, f"{top}/b")) == 7


def test_replacing_a_range_leaves_what_began_before(shared: Daemon, top: str) -> None:
    write(shared, f"{top}/a", [event(10, 0, 9), event(11, 5, 9)])
    write(shared, f"{top}/b", [event(20, 0, 9), event(21, 5, 9), event(22, 6, None)])
    bounds = ("-s", str(START + 4 * SECOND), "-e", str(START + 6 * SECOND))
    ok(shared, "event", "copy", "-a", "replace", *bounds, f"{top}/a", f"{top}/b")
    assert [n for _, _, n in contents(shared, f"{top}/b")] == [20, 11, 22]


def test_replacing_a_range_leaves_however_many_began_before(shared: Daemon, top: str) -> None:
    many = [event(n, n / SECOND, 9) for n in range(10_050)]
    write(shared, f"{top}/a", [event(-1, 5, 9)])
    write(shared, f"{top}/b", [*many, event(-2, 5, 9)])
    ok(shared, "event", "copy", "-a", "replace", "-s", str(START + SECOND), f"{top}/a", f"{top}/b")
    assert [n for _, _, n in contents(shared, f"{top}/b")] == [*range(10_050), -1]


def test_events_are_printed_one_to_a_line_as_many_as_wanted(shared: Daemon, top: str) -> None:
    write(shared, f"{top}/a", [event(n, n, None if n % 2 else n + 1) for n in range(6_000)])
    lines = ok(shared, "event", "read", f"{top}/a").splitlines()
    assert len(lines) == 6_000
    assert lines[1] == f'{START + SECOND}\t-\t{{"n": 1}}'
    few = ok(shared, "event", "read", "--json", "-r", "5001", f"{top}/a").splitlines()
    assert [json.loads(line)["content"]["n"] for line in few] == list(range(5001))


def test_a_copy_that_was_interrupted_goes_on(shared: Daemon, top: str) -> None:
    write(shared, f"{top}/a", [event(n, n / 2, n / 2 + 5) for n in range(MANY)])
    process = subprocess.Popen(
        [sys.executable, "-m", "joule.cli", "event", "copy", f"{top}/a", f"{top}/b"],
        stderr=subprocess.PIPE,
        text=True,
        env=shared.environment,
    )

    def copied() -> int:
        async def count(node: TcpNode) -> int:
            await node.event_stream_get(f"{top}/b", create=True)
            return await node.event_stream_count(f"{top}/b")

        return shared.ask(count)

    wait_until(copied, 30, "nothing is copied")
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    if process.returncode == 0:
        pytest.skip("the copy was done before it could be interrupted")
    assert process.returncode == 130
    assert "Interrupted: " in said
    assert "--new goes on from there" in said
    assert 0 < copied() < MANY
    ok(shared, "event", "copy", "--new", f"{top}/a", f"{top}/b")
    assert contents(shared, f"{top}/b") == contents(shared, f"{top}/a")


@pytest.fixture
def other(shared: Daemon, tmp_path: Path) -> Iterator[Daemon]:
    """Another node, which the user of the shared one may use, too."""
    with Daemon(tmp_path) as made:
        made.start()
        ok(shared, "node", "add", "other", made.url, made.key)
        yield made
        ok(shared, "node", "delete", "other")


def test_a_folder_goes_to_another_node_and_a_copy_goes_on(
    shared: Daemon, other: Daemon, top: str
) -> None:
    async def fill(node: TcpNode) -> None:
        for path in (f"{top}/in/deep", f"{top}/in"):
            stream = DataStream("rows", elements=[Element("x", "V"), Element("y")])
            await node.data_stream_create(stream, path)
            pipe = await node.data_write(f"{path}/rows")
            for begin in (0, 100):
                made = [[START + (begin + i) * SECOND, i, -i] for i in range(50)]
                await pipe.write(np.array(made, dtype=float))
                await pipe.close_interval()
            await pipe.close()
        await node.event_stream_create(EventStream("none"), f"{top}/in")

    shared.ask(fill)
    write(shared, f"{top}/in/events", [event(n, n, n + 2) for n in range(10)])
    words = ("folder", "copy", "-d", "other", f"{top}/in", "/got")
    said = ok(shared, *words)
    assert said.index("/got/deep/rows") < said.index("/got/rows") < said.index("/got/events")
    again = shared.joule(*words)
    assert again.returncode == 1
    assert "Destination folder [/got] is not empty" in again.stderr

    async def lose(node: TcpNode) -> None:
        await node.data_delete("/got/rows", START + 10 * SECOND)
        await node.event_stream_remove("/got/events", START + 7 * SECOND)

    other.ask(lose)
    ok(shared, *words, "--new")

    for name in ("deep/rows", "rows"):
        assert rows(other, f"/got/{name}") == rows(shared, f"{top}/in/{name}")
    assert contents(other, "/got/events") == contents(shared, f"{top}/in/events")


def test_a_copy_to_a_node_that_nobody_knows(shared: Daemon, top: str) -> None:
    for noun in ("folder", "event"):
        result = shared.joule(noun, "copy", "-d", "nobody", f"{top}/a", "/b")
        assert result.returncode == 1
        assert "Error: Invalid destination node [nobody]" in result.stderr
