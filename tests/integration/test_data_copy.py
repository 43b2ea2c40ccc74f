"""``joule data copy`` between two nodes, whole and cut off.

``JOULE_COPY_ROWS=20000000 JOULE_COPY_GAPS=1000`` make it as large as it may be in the field.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.api import Annotation, DataStream, Element
from tests.integration.daemon import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.api import TcpNode

pytestmark = pytest.mark.slow

ROWS = int(os.environ.get("JOULE_COPY_ROWS", "5_000_000"))
GAPS = int(os.environ.get("JOULE_COPY_GAPS", "100"))
START = 1_700_000_000_000_000
STEP = 100
COPY = ("data", "copy", "-d", "other", "/source/data", "/copied/here")


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Daemon, Daemon]]:
    """Two running nodes; the user of the first one knows the second as ``other``."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with Daemon(tmp_path / "first") as first, Daemon(tmp_path / "second") as second:
        first.start()
        second.start()
        added = first.joule("node", "add", "other", second.url, second.key)
        assert added.returncode == 0, added.stderr
        yield first, second


async def fill(node: TcpNode, rows: int = ROWS, gaps: int = GAPS) -> None:
    """Write ``gaps`` intervals of random numbers, and two annotations."""
    elements = [Element("volts", "V", offset=1, scale_factor=2, default_max=5), Element("amps")]
    wanted = DataStream("data", "of the mains", elements=elements)
    stream = await node.data_stream_create(wanted, "/source")
    numbers = np.random.default_rng(7)
    size = rows // gaps
    pipe = await node.data_write(stream)
    for gap in range(gaps):
        block: Any = np.empty(size, stream.rows_layout.dtype)
        block["timestamp"] = START + gap * (size * STEP + 7_000) + STEP * np.arange(size)
        block["data"] = numbers.normal(size=(size, 2))
        await pipe.write(block)
        await pipe.close_interval()
    await pipe.close()
    await node.annotation_create(Annotation("begin", START, content="it begins"), stream)
    await node.annotation_create(Annotation("range", START + 5, START + 900), stream)


def stored(daemon: Daemon, path: str) -> tuple[list[list[int]], bytes]:
    """The intervals and the rows of a stream."""

    async def look(node: TcpNode) -> tuple[list[list[int]], bytes]:
        rows = await node.data_read_array(path, max_rows=None)
        return await node.data_intervals(path), rows.tobytes()

    return daemon.ask(look)


def same(nodes: tuple[Daemon, Daemon]) -> bool:
    """Whether source and copy have the same rows in the same intervals."""
    first, second = nodes
    return stored(first, "/source/data") == stored(second, "/copied/here")


def count(daemon: Daemon) -> int:
    """The number of rows that have been copied."""

    async def look(node: TcpNode) -> int:
        return (await node.data_stream_info("/copied/here")).rows

    try:
        return daemon.ask(look)
    except Exception:
        return 0


def begin(daemon: Daemon) -> subprocess.Popen[str]:
    """Start the copy and do not wait for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "joule.cli", *COPY],
        env=daemon.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def settled_count(daemon: Daemon) -> int:
    """Count rows once those are in that a copy had sent before it was killed."""
    before = -1
    while before != (now := count(daemon)):
        before = now
        time.sleep(0.3)
    return now


def begun(first: Daemon, second: Daemon) -> subprocess.Popen[str]:
    """Start the copy and hold it as soon as rows arrive; some of it is still to come, or done."""
    before = settled_count(second)
    copying = begin(first)
    deadline = time.monotonic() + 60
    while copying.poll() is None and count(second) <= before:
        assert time.monotonic() < deadline, "the copy does not begin"
    if copying.poll() is None:
        copying.send_signal(signal.SIGSTOP)
    return copying


def released(copying: subprocess.Popen[str]) -> str:
    """Let the copy go on and end; gives what it said of errors."""
    copying.send_signal(signal.SIGCONT)
    return copying.communicate(timeout=60)[1]


def test_rows_breaks_annotations_and_elements_arrive(nodes: tuple[Daemon, Daemon]) -> None:
    first, second = nodes
    first.ask(lambda node: fill(node, 10_000, 10))
    result = first.joule(*COPY)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "\tcreating destination stream\n\tOK\n"
    assert same(nodes)
    copy: Any = second.ask(lambda node: node.data_stream_get("/copied/here"))
    element = copy.elements[0]
    assert (copy.description, copy.keep_us) == ("of the mains", -1)
    assert (element.units, element.offset, element.scale_factor) == ("V", 1, 2)
    assert element.default_max == 5
    again = first.joule(*COPY)
    assert again.stdout == "Nothing to copy, syncing annotations\n"
    notes: Any = second.ask(lambda node: node.annotation_get("/copied/here"))
    assert [(note.title, note.content, note.start, note.end) for note in notes] == [
        ("begin", "it begins", START, None),
        ("range", "", START + 5, START + 900),
    ]


def test_holes_are_filled_and_nothing_else_is_touched(nodes: tuple[Daemon, Daemon]) -> None:
    first, second = nodes
    first.ask(lambda node: fill(node, 10_000, 4))
    first.joule(*COPY)
    size = 2_500 * STEP
    for begin_us, end_us in ((1_000, 7_000), (size - 5_000, size + 9_000), (0, 300)):
        bounds = START + begin_us, START + end_us
        second.ask(lambda node, b=bounds: node.data_delete("/copied/here", *b))  # type: ignore[misc]
    assert not same(nodes)
    assert first.joule(*COPY).returncode == 0
    assert same(nodes)


def test_a_part_and_then_what_is_new(nodes: tuple[Daemon, Daemon]) -> None:
    first, second = nodes
    first.ask(lambda node: fill(node, 10_000, 4))
    middle = str(START + 400_000)
    assert first.joule(*COPY, "-e", middle).returncode == 0
    assert 0 < count(second) < 10_000
    rest = first.joule(*COPY, "--new")
    assert "Starting copy at [" in rest.stdout
    assert same(nodes)
    wrong = first.joule(*COPY, "--new", "-s", "5")
    assert wrong.stderr == "Error: Error: either specify 'new' or a starting timestamp, not both\n"
    assert wrong.returncode == 1


def test_what_does_not_fit_is_refused(nodes: tuple[Daemon, Daemon]) -> None:
    first, second = nodes
    first.ask(lambda node: fill(node, 100, 1))

    async def other(node: TcpNode) -> None:
        kinds = {"narrow": [Element("volts", "V")], "named": [Element("x"), Element("y")]}
        for name, elements in kinds.items():
            await node.data_stream_create(DataStream(name, elements=elements), "/copied")

    second.ask(other)
    narrow = first.joule(*COPY[:-1], "/copied/narrow")
    assert "source (float32_2) and destination (float32_1) datatypes" in narrow.stderr
    named = first.joule(*COPY[:-1], "/copied/named", answer="n\n")
    assert "WARNING: Element configurations do not match. Continue?" in named.stdout
    assert named.returncode == 1
    assert first.joule(*COPY[:-1], "/copied/named", answer="y\n").returncode == 0
    nobody = first.joule("data", "copy", "-d", "nobody", "/source/data", "/x/y")
    assert "Error: cannot connect to destination node [nobody]" in nobody.stderr
    empty = first.joule("data", "delete", "--all", "/source/data")
    assert empty.returncode == 0
    assert "[/source/data] has no data" in first.joule(*COPY).stderr


@pytest.mark.timeout(900)
def test_a_copy_that_is_cut_off_by_anyone_continues(nodes: tuple[Daemon, Daemon]) -> None:
    first, second = nodes
    first.ask(fill)
    cuts = 0
    copying = begun(first, second)
    copying.kill()
    copying.communicate()
    for victim, text in ((first, "the source, node ["), (second, "the destination, node [other]")):
        copying = begun(first, second)
        victim.kill()
        errors = released(copying)
        assert "Traceback" not in errors
        if copying.returncode:  # it may have been faster
            cuts += 1
            assert copying.returncode == 1
            assert text in errors
            assert "the same command again continues from there" in errors
        victim.start()
    assert cuts, "no copy was cut off"
    assert 0 < count(second) < ROWS
    assert first.joule(*COPY, timeout_s=300).returncode == 0
    assert same(nodes)


def test_ctrl_c_says_what_was_done_and_the_copy_continues(nodes: tuple[Daemon, Daemon]) -> None:
    first, second = nodes
    first.ask(fill)
    copying = begun(first, second)
    copying.send_signal(signal.SIGINT)
    errors = released(copying)
    assert copying.returncode == 130
    assert "Interrupted: " in errors
    assert "rows were sent, up to" in errors
    assert "Traceback" not in errors
    assert first.joule(*COPY, timeout_s=60).returncode == 0
    assert same(nodes)
