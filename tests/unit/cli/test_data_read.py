"""``joule data read``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from tests.unit.cli.fake_node import FakeNode, make_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture
def stream(node: FakeNode) -> FakeNode:
    node.add("/a/b")
    node.blocks = [make_rows("float32_2", [10, 20]), None, make_rows("float32_2", [30], 5)]
    return node


def test_rows_are_printed_with_six_decimals(stream: FakeNode, run: Run) -> None:
    result = run("data", "read", "/a/b")
    assert result.stdout == ("10 0.000000 0.000000\n20 1.000000 2.000000\n30 5.000000 10.000000\n")
    assert result.stderr == "--connecting to [fake]--\n"
    assert result.exit_code == 0
    assert stream.closed


def test_breaks_are_marked_on_request(stream: FakeNode, run: Run) -> None:
    lines = run("data", "read", "-m", "/a/b").stdout.splitlines()
    assert lines[2] == "# interval break"
    assert len(lines) == 4


def test_elements_are_picked_in_the_order_given(stream: FakeNode, run: Run) -> None:
    result = run("data", "read", "-i", "1,0", "/a/b")
    assert result.stdout.splitlines()[1] == "20 2.000000 1.000000"


@pytest.mark.parametrize("text", ["a", "", "1,", "-1", "0;1"])
def test_elements_must_be_numbers(stream: FakeNode, run: Run, text: str) -> None:
    result = run("data", "read", "-i", text, "/a/b")
    assert result.stderr == "Error: specify elements as a comma separated like 1,4,8\n"
    assert result.exit_code == 1


def test_an_element_that_is_not_there_is_named(stream: FakeNode, run: Run) -> None:
    result = run("data", "read", "-i", "0,2", "/a/b")
    assert "Error: Maximum element is 1" in result.stderr
    assert result.exit_code == 1


def test_a_decimated_view_shows_means_and_bounds_on_request(node: FakeNode, run: Run) -> None:
    node.add("/a/b")
    node.level, node.layout = 4, "float32_6"
    node.blocks = [make_rows("float32_6", [10], 1)]  # 1 2 (means) 3 4 (minima) 5 6 (maxima)
    assert run("data", "read", "-r", "5", "/a/b").stdout == "10 1.000000 2.000000\n"
    everything = run("data", "read", "-r", "5", "-b", "/a/b").stdout
    assert everything == "10 " + " ".join(f"{n}.000000" for n in range(1, 7)) + "\n"
    one = run("data", "read", "-r", "5", "-b", "-i", "1", "/a/b").stdout
    assert one == "10 2.000000 4.000000 6.000000\n"
    assert node.calls[0] == ("data_read", None, None, 5)


def test_bounds_are_handed_to_the_node(stream: FakeNode, run: Run) -> None:
    run("data", "read", "-s", "10", "-e", "2020-01-02T00:00:00Z", "/a/b")
    assert stream.calls == [("data_read", 10, 1577923200000000, None)]


@pytest.mark.parametrize(("option", "name"), [("-s", "start"), ("--end", "end")])
def test_a_bad_time_ends_the_command_before_any_contact(
    stream: FakeNode, run: Run, option: str, name: str
) -> None:
    result = run("data", "read", option, "bad time", "/a/b")
    assert result.stderr == f"Error: invalid {name} time: [bad time]\n"
    assert result.exit_code == 1
    assert not stream.closed


def test_live_data_has_no_bounds_and_no_decimation(stream: FakeNode, run: Run) -> None:
    result = run("data", "read", "--live", "-s", "10", "/a/b")
    assert result.stderr == "Error: specify either --live or --start/--end, not both\n"
    result = run("data", "read", "--live", "-r", "10", "/a/b")
    assert result.stderr == "Error: cannot specify --live and --max-rows\n"


def test_live_data_is_followed_until_it_ends(stream: FakeNode, run: Run) -> None:
    result = run("data", "read", "--live", "/a/b")
    assert stream.calls == [("data_subscribe",)]
    assert len(result.stdout.splitlines()) == 3


def test_a_live_stream_with_nothing_in_it_is_no_error(node: FakeNode, run: Run) -> None:
    node.add("/a/b")
    assert run("data", "read", "--live", "/a/b").exit_code == 0


def test_a_stream_without_data_says_so(node: FakeNode, run: Run) -> None:
    node.add("/a/b")
    result = run("data", "read", "/a/b")
    assert "Error: This stream has no data" in result.stderr
    assert result.exit_code == 1


def test_an_unknown_stream_is_an_error_with_its_status(node: FakeNode, run: Run) -> None:
    result = run("data", "read", "/no/such")
    assert result.stderr.splitlines()[-1] == "Error: stream does not exist [404]"
    assert result.exit_code == 1
    assert node.closed


def test_a_file_has_rows_and_where_they_came_from(
    stream: FakeNode, run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "data.h5"
    result = run("data", "read", "-f", str(target), "/a/b")
    assert result.exit_code == 0, result.output
    with h5py.File(target) as file:
        assert file["data"][:].tolist() == [[0, 0], [1, 2], [5, 10]]
        assert file["data"].dtype == np.dtype("<f4")
        assert file["data"].compression == "gzip"
        assert file["data"].maxshape == (None, 2)
        assert file["timestamp"][:].tolist() == [[10], [20], [30]]
        assert file.attrs["path"] == "/a/b"
        assert file.attrs["node_name"] == "fake"
        assert file.attrs["node_url"] == "http://fake:8088"
        assert file.attrs["elements"] == '["x", "y"]'
        assert '"display_type": "CONTINUOUS"' in file.attrs["element_json"]


def test_a_stream_without_data_leaves_an_existing_file_alone(
    node: FakeNode, run: Run, tmp_path: Path
) -> None:
    node.add("/a/b")
    target = tmp_path / "data.h5"
    target.write_text("precious")
    assert run("data", "read", "-f", str(target), "/a/b").exit_code == 1
    assert target.read_text() == "precious"


def test_a_file_that_cannot_be_written_is_an_error(
    stream: FakeNode, run: Run, tmp_path: Path
) -> None:
    result = run("data", "read", "-f", str(tmp_path / "no" / "file.h5"), "/a/b")
    assert "Error: cannot write to" in result.stderr
    assert result.exit_code == 1
