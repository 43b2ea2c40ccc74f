"""Rows written in the formats of ``joule data read -f`` and read back."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyarrow import parquet

from joule.cli.data.columns import Columns
from joule.cli.data.csv_file import BLOCK_LINES, CsvSource
from joule.cli.data.csv_rows import CsvSink
from joule.models.base import DATATYPES
from joule.models.layout import Layout
from tests.unit.cli.fake_node import FakeNode, make_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture
def stream(node: FakeNode) -> FakeNode:
    node.add("/a/b", names=("x", "y, z"))
    node.blocks = [make_rows("float32_2", [10, 20]), None, make_rows("float32_2", [30], 0.1)]
    node.intervals = [[10, 21], [30, 31]]
    return node


CSV = 'timestamp,x,"y, z"\n10,0.0,0.0\n20,1.0,2.0\n{}30,0.1,0.2\n'


def test_comma_separated_values_have_a_header(stream: FakeNode, run: Run) -> None:
    assert run("data", "read", "--format", "csv", "/a/b").stdout == CSV.format("")
    marked = run("data", "read", "-m", "--format", "csv", "/a/b").stdout
    assert marked == CSV.format("# interval break\n")
    part = run("data", "read", "-i", "1", "--format", "csv", "/a/b").stdout
    assert next(csv.reader(part.splitlines())) == ["timestamp", "y, z"]


def test_the_name_of_a_file_says_its_format(stream: FakeNode, run: Run, tmp_path: Path) -> None:
    for name, option in (("a.csv", ()), ("b.dat", ("--format", "csv"))):
        file = tmp_path / name
        assert run("data", "read", "-f", str(file), *option, "/a/b").exit_code == 0
        assert file.read_text() == CSV.format("")
    file = tmp_path / "c.txt"
    assert run("data", "read", "-m", "-f", str(file), "/a/b").exit_code == 0
    assert "10 0.000000 0.000000\n" in file.read_text()
    assert "# interval break\n" in file.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.dat", "c.txt"]


def test_numpy_loads_the_records(stream: FakeNode, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rows.npy"
    assert run("data", "export", "/a/b", str(file)).exit_code == 0
    loaded = np.load(file)
    wanted: Any = np.concatenate([block for block in stream.blocks if block is not None])
    assert loaded.dtype == wanted.dtype
    assert np.array_equal(loaded, wanted)


def test_parquet_has_a_column_for_each_element(stream: FakeNode, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    assert run("data", "export", "/a/b", str(file)).exit_code == 0
    table = parquet.read_table(file)
    assert table.column_names == ["timestamp", "x", "y, z"]
    assert table["timestamp"].to_pylist() == [10, 20, 30]
    assert table["x"].to_numpy().dtype == np.float32
    metadata = {**table.schema.metadata, **parquet.read_metadata(file).metadata}
    assert json.loads(metadata[b"intervals"]) == [[10, 21], [30, 31]]
    assert metadata[b"path"] == b"/a/b"


def test_what_cannot_go_to_the_screen_needs_a_file(stream: FakeNode, run: Run) -> None:
    result = run("data", "read", "--format", "npy", "/a/b")
    assert result.stderr == "Error: specify the file to write npy to with --file\n"
    assert result.exit_code == 1


def test_a_reading_that_fails_leaves_no_file(
    stream: FakeNode, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = make_rows("float32_2", [40])
    stream.blocks.append(broken)
    monkeypatch.setattr("joule.cli.data.csv_rows.format_csv", _refusing(40))
    file = tmp_path / "rows.csv"
    file.write_text("precious")
    result = run("data", "read", "-f", str(file), "/a/b")
    assert "Error: cannot write to [" in result.stderr
    assert result.exit_code == 1
    assert file.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [file]


def _refusing(time: int) -> Any:
    """A stand-in that finds the disk full when it comes to this time."""

    def write(timestamps: Any, values: Any) -> bytes:
        if time in timestamps:
            raise OSError(28, "No space left on device")
        return b"row\n"

    return write


# ------------------------------------------------------------------ CSV in


@pytest.mark.parametrize("datatype", DATATYPES)
def test_lines_of_every_datatype_come_back_bit_by_bit(datatype: str, tmp_path: Path) -> None:
    layout = Layout(datatype, 2)
    rows: Any = np.zeros(BLOCK_LINES + 10, layout.dtype)
    rows["timestamp"] = 1_600_000_000_000_000 + np.arange(len(rows))
    kind: Any = np.iinfo(datatype) if datatype.startswith("int") else np.finfo(datatype)
    rows["data"] = np.random.default_rng(5).normal(size=(len(rows), 2)) * 1000
    rows["data"][0] = kind.min, kind.max
    with (tmp_path / "rows.csv").open("wb") as file:
        sink = CsvSink(file.write, Columns(None), ["x", "y"], mark_breaks=True)
        sink.write(rows[:3])
        sink.end_interval()
        sink.write(rows[3:])
        sink.end_interval()
    with CsvSource(str(tmp_path / "rows.csv")) as source:
        source.take_datatype(datatype)
        parts = list(source.parts())
    assert b"".join(part.rows.tobytes() for part in parts) == rows.tobytes()
    assert [part.rows["timestamp"][0] for part in parts if part.begins] == [
        rows["timestamp"][0],
        rows["timestamp"][3],
    ]


def ingest(run: Run, tmp_path: Path, text: str, *options: str) -> Result:
    file = tmp_path / "rows.csv"
    file.write_text(text)
    return run("data", "ingest", "-s", "/a/b", *options, str(file))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.5,1,2\n20,1,2\n", "rows.csv, line 1: [10.5] is not a timestamp, a whole number of"),
        ("10,1,2\n20,1\n", "rows.csv, line 2: there are 1 values, not 2"),
        ("t,x,y\n\n10,1,2\n20,1,2,3\n", "rows.csv, line 4: there are 3 values, not 2"),
        ("# note\n10,1,2\n20,one,2\n", "rows.csv, line 3: [one] is not a value of datatype"),
        ("10,1,2\n1.5,1,2\n", "rows.csv, line 2: [1.5] is not a timestamp, a whole number of"),
        ("10,1,2\n20,1,99999\n", "rows.csv, line 2: [99999] is not a value of datatype int16"),
        ("t,x,y\n10,1,2\n9,1,2\n", "rows.csv, line 3: 9 comes after 10"),
        ("10,1,2\n# interval break\n10,1,2\n", "rows.csv, line 3: 10 comes after 10"),
        ("t,x,y\n", "There is no data in the data file"),
        ("\n", "has no lines like [timestamp,value,value]"),
        ("10\n", "has no lines like [timestamp,value,value]"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_stored(
    node: FakeNode, run: Run, tmp_path: Path, text: str, reason: str
) -> None:
    node.add("/a/b", "int16")
    result = ingest(run, tmp_path, text)
    assert reason in result.stderr
    assert result.exit_code == 1
    assert node.calls == []


def test_values_that_are_no_numbers_are_named(node: FakeNode, run: Run, tmp_path: Path) -> None:
    node.add("/a/b")
    result = ingest(run, tmp_path, "10,1,2\n20,1,nan\n")
    assert "Invalid values (NaN or Inf) in the data file: rows.csv, line 2" in result.stderr


def test_a_stream_is_made_of_what_the_file_says(node: FakeNode, run: Run, tmp_path: Path) -> None:
    result = ingest(run, tmp_path, "t,volts,amps\n10,1,2\n", "-t", "int32")
    assert result.exit_code == 0, result.output
    assert node.calls[0] == ("data_stream_create", "b", "int32_2", "/a")
    assert [element.name for element in node.streams["/a/b"].elements] == ["volts", "amps"]
    assert node.written[0]["data"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("head", "options", "wanted"),
    [
        ("t,y,x", (), [2, 1]),
        ("t,x,y", (), [1, 2]),
        ("t,a,b", (), [1, 2]),
        ("t,a,b", ("-m", "x=b", "-m", "y=a"), [2, 1]),
        ("t,a,x", ("-m", "y=a"), [2, 1]),
    ],
)
def test_columns_find_their_elements(
    node: FakeNode, run: Run, tmp_path: Path, head: str, options: tuple[str, ...], wanted: list[int]
) -> None:
    node.add("/a/b")
    result = ingest(run, tmp_path, f"{head}\n10,1,2\n", *options)
    assert result.exit_code == 0, result.output
    assert node.written[0]["data"].tolist() == [wanted]


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("x=q", "the data file has no column [q] for element [x]"),
        ("q=x", "the stream has no element [q]"),
        ("x", "specify --map as ELEMENT=COLUMN"),
    ],
)
def test_a_map_that_leads_nowhere_is_refused(
    node: FakeNode, run: Run, tmp_path: Path, option: str, reason: str
) -> None:
    node.add("/a/b")
    result = ingest(run, tmp_path, "t,x,y\n10,1,2\n", "-m", option)
    assert reason in result.stderr
    assert node.calls == []
