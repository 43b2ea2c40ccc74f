"""``joule data`` except ``read``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from tests.unit.cli.fake_node import FakeNode, make_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


# ------------------------------------------------------------------ delete, intervals, consolidate


@pytest.mark.parametrize("words", [(), ("--all", "-s", "5"), ("--all", "-e", "5")])
def test_delete_wants_bounds_or_all(node: FakeNode, run: Run, words: tuple[str, ...]) -> None:
    result = run("data", "delete", *words, "/a/x")
    assert result.stderr == "Error: specify either --all or --start/--end\n"
    assert result.exit_code == 1
    assert node.calls == []


def test_intervals_are_in_human_time(node: FakeNode, run: Run) -> None:
    node.intervals = [[0, 1_000_000], [5_000_000, 6_000_000]]
    lines = run("data", "intervals", "/a/x").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("[")
    assert " - " in lines[0]
    assert "1970" in lines[0]


def test_no_intervals_is_no_data(node: FakeNode, run: Run) -> None:
    assert run("data", "intervals", "/a/x").stdout == "no stream data\n"


def test_consolidate_says_how_many_gaps_went(node: FakeNode, run: Run) -> None:
    result = run("data", "consolidate", "-m", "5", "--redecimate", "/a/x")
    assert result.stdout == "Consolidated 2 intervals\nRecomputing decimations...OK\n"
    assert node.calls == [("data_consolidate", "/a/x", 5, None, None), ("data_decimate", "/a/x")]


def test_consolidate_without_short_gaps_says_so(
    node: FakeNode, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*args: object) -> int:
        return 0

    monkeypatch.setattr(node, "data_consolidate", none, raising=False)
    assert run("data", "consolidate", "/a/x").stdout == "No intervals less than 2000000 us\n"


# ------------------------------------------------------------------ ingest


def save(target: Path, data: Any, timestamps: Any, **attributes: str) -> str:
    with h5py.File(target, "w") as file:
        file["data"], file["timestamp"] = data, timestamps
        file.attrs.update(attributes)
    return str(target)


@pytest.fixture
def file(tmp_path: Path) -> str:
    data = np.array([[1, 2], [3, 4]], "<f4")
    return save(tmp_path / "d.h5", data, np.array([[10], [20]]), path="/a/b")


def test_a_saved_file_can_be_read_back(node: FakeNode, run: Run, tmp_path: Path) -> None:
    node.add("/a/b")
    node.blocks = [make_rows("float32_2", [10, 20]), make_rows("float32_2", [30], 5)]
    target = str(tmp_path / "saved.h5")
    assert run("data", "read", "-f", target, "/a/b").exit_code == 0
    del node.streams["/a/b"]
    result = run("data", "ingest", target)
    assert result.exit_code == 0, result.output
    assert ("data_stream_create", "b", "float32_2", "/a") in node.calls
    assert [element.name for element in node.streams["/a/b"].elements] == ["x", "y"]
    assert np.array_equal(np.concatenate(node.written), np.concatenate(node.blocks))  # type: ignore[arg-type]


def test_elements_that_the_file_does_not_describe_are_numbered(
    node: FakeNode, run: Run, file: str
) -> None:
    result = run("data", "ingest", "-s", "/c/d/e", file)
    assert "creating [/c/d/e]" in result.stdout
    names = [element.name for element in node.streams["/c/d/e"].elements]
    assert names == ["Element 0", "Element 1"]


def test_data_beside_what_is_stored_is_simply_added(node: FakeNode, run: Run, file: str) -> None:
    node.add("/a/b")
    result = run("data", "ingest", file)
    assert "Destination stream: /a/b" in result.stdout
    assert node.calls == [("data_write", None, None)]


def test_data_that_would_be_replaced_is_asked_about(node: FakeNode, run: Run, file: str) -> None:
    node.add("/a/b")
    node.intervals = [[12, 14]]
    refused = run("data", "ingest", file, answer="n\n")
    assert "This will remove existing data between" in refused.stdout
    assert refused.stdout.endswith("Cancelled\n")
    assert node.calls == []
    run("data", "ingest", file, answer="y\n")
    assert node.calls == [("data_write", 10, 21)]


@pytest.mark.parametrize(
    ("datatype", "names", "text"),
    [
        ("int16", ("x", "y"), "Incompatible datatypes, stream is [int16] and data file is"),
        ("float32", ("x",), "DataStream has [1] elements but data file has [2] elements"),
    ],
)
def test_a_stream_of_another_layout_is_refused(
    node: FakeNode, run: Run, file: str, datatype: str, names: tuple[str, ...], text: str
) -> None:
    node.add("/a/b", datatype, names)
    result = run("data", "ingest", file)
    assert text in result.stderr
    assert result.exit_code == 1
    assert node.calls == []


ONES = np.ones((2, 1), "<f4")


@pytest.mark.parametrize(
    ("data", "timestamps", "text"),
    [
        (ONES, np.array([1, 2, 3]), "Length of [data] and [timestamp] datasets must match"),
        (ONES, np.array([2, 1]), "Timestamps in the data file are not monotonic"),
        (ONES, np.array([2, 2]), "Timestamps in the data file are not monotonic"),
        (ONES * np.nan, np.array([1, 2]), "Invalid values (NaN or Inf) in the data file"),
        (ONES.astype("u1"), np.array([1, 2]), "Data file has datatype [uint8]"),
        (ONES[:0], np.array([], "<i8"), "There is no data in the data file"),
    ],
)
def test_a_file_against_the_rules_is_refused_before_anything_changes(
    node: FakeNode,
    run: Run,
    tmp_path: Path,
    data: Any,
    timestamps: Any,
    text: str,
) -> None:
    node.add("/a/b", names=("x",))
    node.intervals = [[0, 100]]
    result = run("data", "ingest", save(tmp_path / "d.h5", data, timestamps, path="/a/b"))
    assert f"Error: {text}" in result.stderr
    assert result.exit_code == 1
    assert node.calls == []


def test_a_file_of_another_kind_is_refused(node: FakeNode, run: Run, tmp_path: Path) -> None:
    other = tmp_path / "x.txt"
    other.write_text("text")
    result = run("data", "ingest", str(other))
    assert result.stderr == f"Error: Data file [{other}] must be hdf5 format\n"
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["data"] = ONES
    result = run("data", "ingest", str(tmp_path / "y.h5"))
    assert "must contain [data] and [timestamp] datasets" in result.stderr
    assert run("data", "ingest", str(tmp_path / "none.h5")).exit_code == 2


def test_a_destination_is_needed_and_has_a_folder(node: FakeNode, run: Run, tmp_path: Path) -> None:
    nameless = save(tmp_path / "d.h5", ONES, np.array([1, 2]))
    assert "Specify a target stream with --stream" in run("data", "ingest", nameless).stderr
    result = run("data", "ingest", "-s", "/x", nameless)
    assert "Invalid stream path, must include a folder" in result.stderr
