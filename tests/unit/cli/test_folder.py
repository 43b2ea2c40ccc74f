"""``joule folder`` and ``joule stream list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.events import EventStream
from joule.models.folders import Folder
from joule.models.streams import DataStream, Element

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.unit.cli.fake_node import FakeNode

    Run = Callable[..., Result]


def folder(name: str, number: int, *members: Folder | DataStream | EventStream) -> Folder:
    made = Folder(name)
    made.id = number
    made.children = [each for each in members if isinstance(each, Folder)]
    made.data_streams = [each for each in members if isinstance(each, DataStream)]
    made.event_streams = [each for each in members if isinstance(each, EventStream)]
    return made


def stream(
    name: str, number: int, *, is_destination: bool = False, is_configured: bool = False
) -> DataStream:
    made = DataStream(name, elements=[Element("x"), Element("y")])
    made.id = number
    made.is_destination, made.is_configured = is_destination, is_configured
    return made


@pytest.fixture
def tree(node: FakeNode) -> FakeNode:
    trips = EventStream("trips")
    trips.id = 1
    live = folder("live", 3, stream("volts", 2, is_destination=True), trips)
    node.root = folder("root", 1, live, folder("archive", 2), stream("amps", 1, is_configured=True))
    return node


def test_everything_is_a_tree_in_order_of_names(tree: FakeNode, run: Run) -> None:
    assert run("folder", "list").stdout == (
        "Legend: [Folder] [Data Stream] [Event Stream]\n"
        "\n"
        "├── archive\n"
        "├── live\n"
        "│   ├── trips\n"
        "│   └── volts\n"
        "└── amps\n"
        "\n"
    )


def test_layouts_ids_and_status_stand_beside_the_names(tree: FakeNode, run: Run) -> None:
    text = run("folder", "list", "--layout", "--id", "--status").stdout
    assert text.splitlines()[1:3] == ["\t● active  ● configured", " (1)"]
    assert "● volts (float32_2) (2)" in text
    assert "● amps (float32_2) (1)" in text
    assert "── trips (1)" in text
    assert "── live (3)" in text


def test_stream_list_is_the_same(tree: FakeNode, run: Run) -> None:
    assert run("stream", "list", "-l").stdout == run("folder", "list", "-l").stdout


def test_an_empty_node_says_so(node: FakeNode, run: Run) -> None:
    assert run("folder", "list").stdout == "No folders, this node is empty.\n"


def test_an_unknown_folder_is_an_error(node: FakeNode, run: Run) -> None:
    result = run("folder", "list", "/no")
    assert "Error: folder does not exist [404]" in result.stderr
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (("folder", "move", "/a", "/b"), ("folder_move", "/a", "/b")),
        (("folder", "delete", "/a"), ("folder_delete", "/a", False)),
        (("folder", "remove", "-r", "/a"), ("folder_delete", "/a", True)),
        (("stream", "move", "/a/x", "/b"), ("data_stream_move", "/a/x", "/b")),
        (("event", "move", "/a/x", "/b"), ("event_stream_move", "/a/x", "/b")),
        (("data", "delete", "--all", "/a/x"), ("data_delete", "/a/x", None, None)),
        (("data", "remove", "-s", "5", "/a/x"), ("data_delete", "/a/x", 5, None)),
    ],
)
def test_orders_are_handed_to_the_node(
    node: FakeNode, run: Run, words: tuple[str, ...], call: tuple[object, ...]
) -> None:
    result = run(*words)
    assert result.stdout == "OK\n"
    assert node.calls == [call]
