"""The data commands at a real node: what they print, how they end, and how 1.0's did.

Each transcript is a command, its output and its status. Where ``joule==1.0.1`` has the command it
is run, too, at the same node on a stream of its own, and prints the same, or what is listed.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import psutil
import pytest

from joule.api import DataStream, Element
from joule.models.base import DATATYPES
from joule.models.layout import Layout
from tests.integration.nilmdb import PATH, NilmDB, serving
from tests.integration.test_joule_1_0 import old_python  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

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


# ------------------------------------------------------------------ side by side with 1.0

SCRIPT: list[tuple[str, ...]] = [
    ("read", "{}"),
    ("read", "-m", "{}"),
    ("read", "-i", "1", "{}"),
    ("read", "-s", str(START + 1000), "-e", str(START + 3000), "{}"),
    ("read", "-i", "7", "{}"),
    ("read", "-i", "x", "{}"),
    ("read", "-s", "bad time", "{}"),
    ("read", "-l", "-r", "5", "{}"),
    ("read", "-l", "-s", "5", "{}"),
    ("intervals", "{}"),
    ("copy", "{}", "{}-copy"),
    ("copy", "-e", "now", "{}", "{}-copy"),
    ("copy", "-n", "{}", "{}-copy"),
    ("copy", "-n", "-s", "5", "{}", "{}-copy"),
    ("copy", "-s", "9", "-e", "5", "{}", "{}-copy"),
    ("copy", "-d", "nobody", "{}", "{}-copy"),
    ("intervals", "{}-copy"),
    ("consolidate", "-m", "1", "{}-copy"),
    ("consolidate", "-m", "9000000", "{}-copy"),
    ("filter", "mean", "-w", "3", "{}", "{}-mean"),
    ("read", "{}-mean"),
    ("filter", "median", "-w", "3", "{}", "{}-median"),
    ("merge", "-p", "{}", "-s", "{}-mean:m", "-d", "{}-merged"),
    ("delete", "{}"),
    ("delete", "--all", "-s", "5", "{}"),
    ("delete", "--all", "{}-copy"),
    ("intervals", "{}-copy"),
    ("read", "{}-copy"),
]

DIFFERENT: set[tuple[str, ...]] = {
    ("copy", "-n", "-s", "5", "{}", "{}-copy"),  # refused before the node is asked
    ("copy", "-s", "9", "-e", "5", "{}", "{}-copy"),  # the same
    ("copy", "-d", "nobody", "{}", "{}-copy"),  # with the reason
    ("merge", "-p", "{}", "-s", "{}-mean:m", "-d", "{}-merged"),  # up to the end of the last piece
    ("delete", "--all", "{}-copy"),  # 1.0 prints a line for debugging
}
"""What 1.0 printed otherwise; docs/compatibility.md gives the reasons."""


def by_hand(daemon: Daemon, program: list[str], *words: str) -> tuple[int, str, str]:
    """Run a ``joule`` command, agree to what it asks; gives status, output and errors."""
    result = subprocess.run(
        [*program, "data", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=daemon.environment,
        check=False,
        input="y\n",
    )
    return result.returncode, result.stdout, result.stderr


def plain(text: str, path: str) -> list[str]:
    """What was printed, without the name of the stream and the blanks around lines."""
    text = re.sub(r"\r?(Copying data|reading data)[^\n]*\n", "", text)
    lines = (re.sub(r"\s+", " ", line.replace(path, "PATH")).strip() for line in text.splitlines())
    return [line for line in lines if line]


@pytest.mark.timeout(300)
def test_the_commands_print_what_those_of_1_0_print(
    shared: Daemon,
    old_python: Path,  # noqa: F811
) -> None:
    programs = {"/new/data": [sys.executable, "-m", "joule.cli"]}
    programs["/old/data"] = [str(old_python.parent / "joule")]
    seen: dict[str, list[tuple[int, list[str], list[str]]]] = {}
    for path, program in programs.items():
        plant(shared, path, 2000, (0, 5_000_000))
        seen[path] = []
        for words in SCRIPT:
            status, out, errors = by_hand(shared, program, *(word.format(path) for word in words))
            seen[path].append((status, plain(out, path), plain(errors, path)))
    pairs = zip(SCRIPT, seen["/old/data"], seen["/new/data"], strict=True)
    unlike = {words: (old, new) for words, old, new in pairs if old != new}
    assert set(unlike) == DIFFERENT, {words: unlike[words] for words in set(unlike) ^ DIFFERENT}
    for suffix in ("-mean", "-median", "-merged"):
        old, new = rows_of(shared, f"/old/data{suffix}"), rows_of(shared, f"/new/data{suffix}")
        assert np.array_equal(old["timestamp"], new["timestamp"]), suffix
        assert np.allclose(old["data"], new["data"]), suffix


def test_files_go_to_1_0_and_come_from_it(
    shared: Daemon,
    old_python: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    old, new = [str(old_python.parent / "joule")], [sys.executable, "-m", "joule.cli"]
    path = plant(shared, "/exchange/data", 50)
    for index, (writer, reader) in enumerate(((old, new), (new, old))):
        file, target = str(tmp_path / f"{index}.h5"), f"/exchange/{index}"
        assert by_hand(shared, writer, "read", "-f", file, path)[0] == 0
        status, _, errors = by_hand(shared, reader, "ingest", "-s", target, file)
        assert status == 0, errors
        assert rows_of(shared, target).tobytes() == rows_of(shared, path).tobytes()


# ------------------------------------------------------------------ transcripts of our own


def transcript(daemon: Daemon, *words: str, answer: str = "") -> str:
    """Run a command and give its output, what it said of errors and its status."""
    result = daemon.joule("data", *words, answer=answer)
    errors = result.stderr.split("--\n", 1)[-1]
    return f"{result.stdout}{errors}[{result.returncode}]"


def test_intervals_can_be_had_as_json(shared: Daemon) -> None:
    path = plant(shared, "/json/data", 2, (0, 9_000_000))
    text = shared.joule("data", "intervals", "--json", path).stdout
    assert json.loads(text) == intervals_of(shared, path)
    shared.joule("data", "delete", "--all", path)
    assert shared.joule("data", "intervals", "--json", path).stdout == "[]\n"


def test_lines_go_out_and_come_in_again(shared: Daemon, tmp_path: Path) -> None:
    path = plant(shared, "/lines/data", 2, (0, 9_000_000))
    file = str(tmp_path / "rows.csv")
    assert transcript(shared, "export", path, file) == "[0]"
    assert (tmp_path / "rows.csv").read_text() == (
        f"timestamp,a,b\n{START},0.0,0.25\n{START + 1000},0.5,0.75\n# interval break\n"
        f"{START + 9_000_000},0.0,0.25\n{START + 9_001_000},0.5,0.75\n"
    )
    made = transcript(shared, "ingest", "-s", "/lines/again", "-t", "float32", file)
    assert made == "creating [/lines/again]\n[0]"
    assert rows_of(shared, "/lines/again").tobytes() == rows_of(shared, path).tobytes()
    assert intervals_of(shared, "/lines/again") == intervals_of(shared, path)
    refused = transcript(shared, "ingest", "-s", "/lines/again", file, answer="n\n")
    assert refused.endswith("[y/N]: Cancelled\n[0]")
    assert transcript(shared, "ingest", "-y", "-s", "/lines/again", file).endswith("[0]")
    assert len(rows_of(shared, "/lines/again")) == 4


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_goes_through_a_file_exactly(
    shared: Daemon, tmp_path: Path, datatype: str
) -> None:
    rows: Any = np.zeros(5000, Layout(datatype, 2).dtype)
    rows["timestamp"] = START + 1000 * np.arange(len(rows))
    rows["timestamp"][2000:] += 7_000_000
    kind: Any = np.iinfo(datatype) if datatype.startswith("int") else np.finfo(datatype)
    rows["data"] = np.random.default_rng(3).normal(size=(len(rows), 2)) * 1000
    rows["data"][0] = kind.min, kind.max
    path = f"/types/{datatype}"

    async def fill(node: TcpNode) -> None:
        wanted = DataStream(datatype, datatype=datatype, elements=[Element("x"), Element("y")])
        await node.data_stream_create(wanted, "/types")
        async with await node.data_write(path) as pipe:
            await pipe.write(rows[:2000])
            await pipe.close_interval()
            await pipe.write(rows[2000:])

    shared.ask(fill)
    for suffix in ("h5", "csv"):
        file, again = str(tmp_path / f"rows.{suffix}"), f"{path}-{suffix}"
        assert transcript(shared, "export", path, file) == "[0]"
        made = transcript(shared, "ingest", "-t", datatype, "-s", again, file)
        assert made == f"creating [{again}]\n[0]"
        assert rows_of(shared, again).tobytes() == rows.tobytes()
        assert intervals_of(shared, again) == intervals_of(shared, path)


def test_a_bad_line_leaves_the_node_as_it_was(shared: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(f"timestamp,a\n{START},1\n{START + 1},oops\n")
    text = transcript(shared, "ingest", "-s", "/bad/data", str(file))
    assert text == "Error: bad.csv, line 3: [oops] is not a value of datatype float64\n[1]"
    assert shared.joule("data", "intervals", "/bad/data").returncode == 1


@pytest.mark.parametrize("line", ["5,5,5", "no,row,at,all"])
@pytest.mark.parametrize("exists", [True, False])
def test_an_ingest_that_fails_leaves_nothing(
    shared: Daemon, tmp_path: Path, exists: bool, line: str
) -> None:
    path = f"/failing/{tmp_path.name}"
    before: Any = None
    if exists:
        before = rows_of(shared, plant(shared, path, 5, (-9_000_000,))).tobytes()
    file = tmp_path / "rows.csv"
    lines = "".join(f"{START + i},{i},{i}\n" for i in range(200_000))
    file.write_text(f"t,a,b\n{lines}")
    # The file changes between the look through it and the storing.
    code = (
        "import joule.cli.data.ingest as ingest; from joule.cli import main; look = ingest.check\n"
        f"def check(source):\n seen = look(source); open({str(file)!r}, 'a').write('{line}\\n')\n"
        " return seen\n"
        "ingest.check = check; main()"
    )
    words = ["data", "ingest", "-s", path, str(file)]
    result = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=shared.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "not monotonic" in result.stderr or "is not a timestamp" in result.stderr
    if exists:
        assert rows_of(shared, path).tobytes() == before
    else:
        assert "stream does not exist" in shared.joule("data", "intervals", path).stderr


def test_streams_are_merged_where_all_have_data(shared: Daemon) -> None:
    fast = plant(shared, "/merge/fast", 4000)

    async def slow(node: TcpNode) -> None:
        await node.data_stream_create(DataStream("slow", elements=[Element("c")]), "/merge")
        async with await node.data_write("/merge/slow") as pipe:
            times = START + 500.0 + 10_000 * np.arange(300)
            await pipe.write(np.column_stack([times, times - START]))

    shared.ask(slow)
    words = ("merge", "-p", f"{fast}:f", "-s", "/merge/slow", "-d", "/merge/all")
    assert transcript(shared, *words, answer="n\n").endswith("[y/N]: Cancelled\n[0]")
    middle = str(START + 1_500_000)
    assert transcript(shared, *words, "--end", middle, answer="y\n").endswith("[0]")
    assert transcript(shared, *words, "-y").endswith("[0]")
    assert "Destination already has all the data" in transcript(shared, *words, "-y")
    rows = rows_of(shared, "/merge/all")
    assert len(intervals_of(shared, "/merge/all")) == 1
    assert np.array_equal(rows["timestamp"], START + 1000 * np.arange(1, 2991))
    assert np.allclose(rows["data"][:, 2], rows["timestamp"] - START, atol=0.5)
    names: Any = shared.ask(lambda node: node.data_stream_get("/merge/all"))
    assert [element.name for element in names.elements] == ["f a", "f b", "slow c"]
    narrow = transcript(shared, "merge", "-p", fast, "-d", "/merge/all")
    assert narrow.endswith("Error: Destination must have 2 elements\n[1]")
    none = transcript(shared, "merge", "-p", fast, "-s", "/no/thing", "-d", "/merge/x")
    assert none == "Error: Secondary stream /no/thing: stream does not exist [404]\n[1]"


def test_filters_go_on_where_they_were_stopped(shared: Daemon) -> None:
    path = plant(shared, "/filter/data", 100, (0, 5_000_000))
    even = transcript(shared, "filter", "mean", "-w", "4", path, "/filter/mean")
    assert "the window must be an odd number of rows, not 4" in even
    words = ("filter", "mean", "-w", "5", path, "/filter/mean")
    first = transcript(shared, *words, "-y", "--end", str(START + 1_000_000))
    assert first.count("Processing") == 1
    rest = transcript(shared, *words, "-y", "--new")
    assert rest.count("Processing") == 2  # the last interval may have been cut off
    rows = rows_of(shared, "/filter/mean")
    assert len(rows) == 2 * 96
    assert rows["data"][0].tolist() == [1.0, 1.25]
    assert len(intervals_of(shared, "/filter/mean")) == 2


def test_a_stream_of_nilmdb_is_copied_break_by_break(shared: Daemon) -> None:
    rows: Any = np.zeros(3000, Layout("float32", 3).dtype)
    rows["timestamp"] = START + 1000 * np.arange(3000)
    rows["timestamp"][1000:] += 500_000
    rows["data"] = np.arange(9000).reshape(-1, 3)
    ends = [(START, START + 999_001), (START + 1_500_000, START + 3_499_001)]
    with serving(NilmDB("float32_3", rows, ends)) as double:
        words = ("copy", "--source-url", double.url, PATH, "/nilm/data")
        part = transcript(shared, *words, "-e", str(START + 2_000_000))
        assert part == "\tcreating destination stream\n\tOK\n[0]"
        assert transcript(shared, *words) == "\tOK\n[0]"
        missing = transcript(shared, *words[:3], "/joule/13", "/nilm/none")
        assert missing.endswith("has no stream [/joule/13]\n[1]")
    assert rows_of(shared, "/nilm/data").tobytes() == rows.tobytes()
    assert intervals_of(shared, "/nilm/data") == [list(pair) for pair in ends]
    gone = transcript(shared, *words)
    assert f"Cannot contact node at [{double.url}]" in gone
    other = transcript(shared, "copy", "--source-url", shared.url, PATH, "/nilm/data")
    assert other.endswith("[1]")


# ------------------------------------------------------------------ large ones

MEASURED = """
import re, sys
from joule.cli import main
try:
    main()
finally:
    status = open("/proc/self/status").read()
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def large(shared: Daemon) -> str:
    """A stream of five million rows (80 MB)."""

    async def fill(node: TcpNode) -> None:
        wanted = DataStream("data", elements=[Element("a"), Element("b")])
        stream = await node.data_stream_create(wanted, "/large")
        block: Any = np.zeros(500_000, stream.rows_layout.dtype)
        async with await node.data_write(stream) as pipe:
            for index in range(10):
                block["timestamp"] = START + 100 * (np.arange(500_000) + index * 500_000)
                block["data"][:, 0] = np.arange(500_000)
                await pipe.write(block)

    shared.ask(fill)
    return "/large/data"


@pytest.mark.parametrize("suffix", ["npy", "h5", "parquet"])
def test_a_large_stream_goes_into_a_file_in_little_memory(
    shared: Daemon, large: str, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"rows.{suffix}"
    result = subprocess.run(
        [sys.executable, "-c", MEASURED, "data", "read", "-f", str(file), large],
        env=shared.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stderr.splitlines()[-1]) < 250 * 1024  # KiB; the rows alone are 78 MiB
    if suffix == "npy":
        assert len(np.load(file, mmap_mode="r")) == 5_000_000
    if suffix == "h5":
        with h5py.File(file) as saved:
            assert saved["data"].shape == (5_000_000, 2)


def test_ctrl_c_leaves_no_half_of_a_file(shared: Daemon, large: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    reading = subprocess.Popen(
        [sys.executable, "-m", "joule.cli", "data", "read", "-f", str(file), large],
        env=shared.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "rows.csv.part").exists() and psutil.pid_exists(reading.pid):
        time.sleep(0.01)
    reading.send_signal(signal.SIGINT)
    _, errors = reading.communicate(timeout=30)
    assert reading.returncode == 130
    assert f"Interrupted: [{file}] was not written" in errors
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_a_live_file_with_what_came(shared: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "live.csv"
    command = [sys.executable, "-m", "joule.cli", "data", "read", "-l", "-f", str(file)]

    async def produce(node: TcpNode) -> tuple[int | None, str]:
        await node.data_stream_create(DataStream("data", elements=[Element("a")]), "/live")
        async with await node.data_write("/live/data") as pipe:
            await pipe.write([[float(START), 1.0]])
            reading = await asyncio.create_subprocess_exec(
                *command, "/live/data", env=shared.environment, stderr=subprocess.PIPE
            )
            at = START
            while not (tmp_path / "live.csv.part").exists() and reading.returncode is None:
                at += 1000
                await pipe.write([[float(at), 2.0]])
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)  # the block in which the file began is being written
            reading.send_signal(signal.SIGINT)
            _, errors = await reading.communicate()
        return reading.returncode, errors.decode()

    status, errors = shared.ask(produce)
    assert status == 0, errors
    lines = file.read_text().splitlines()
    assert lines[0] == "timestamp,a"
    assert lines[1].endswith(",2.0")
    assert list(tmp_path.iterdir()) == [file]
