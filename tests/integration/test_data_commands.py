"""The data commands at a real node: what they print, how they end, and what they leave."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.api import DataStream, Element
from joule.models.base import DATATYPES
from joule.models.layout import Layout
from tests.integration.data_rows import START, intervals_of, plant, rows_of, transcript
from tests.integration.nilmdb import PATH, NilmDB, serving

if TYPE_CHECKING:
    from pathlib import Path

    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow


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
    with serving(NilmDB().plant(PATH, "float32_3", rows, ends)) as double:
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
