"""``joule stream`` and ``joule event``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.events import EventStream
from joule.models.streams import DataStreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.unit.cli.fake_node import FakeNode

    Run = Callable[..., Result]


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_info_shows_the_stream_and_what_it_holds(node: FakeNode, run: Run, zone: None) -> None:
    stream = node.add("/a/volts")
    stream.keep_us = 7 * 86_400_000_000
    node.stored = DataStreamInfo(0, 1_577_923_200_000_001, 1000)
    lines = run("stream", "info", "/a/volts").stdout.splitlines()
    assert lines[:2] == ["", "Data Stream Information:"]
    values = {label.strip(): value.strip() for label, _, value in (x.partition(":") for x in lines)}
    assert values["Name"] == "volts"
    assert values["Description"] == "—"
    assert values["Datatype"] == "float32"
    assert values["Keep"] == "7 days, 0:00:00"
    assert values["Decimate"] == "yes"
    assert values["Status"] == "[idle]"
    assert values["Start"] == "1970-01-01 00:00:00.000000"
    assert values["End"] == "2020-01-02 00:00:00.000001"
    assert values["Rows"] == "1000"
    assert values["Annotation"] == "3"


def test_info_of_an_empty_stream_has_dashes(node: FakeNode, run: Run) -> None:
    node.add("/a/volts").is_source = True
    text = run("stream", "info", "/a/volts").stdout
    assert "all data" in text
    assert "● [active]" in text
    assert text.count("—") == 3


def test_elements_show_the_limits_of_their_plots(node: FakeNode, run: Run) -> None:
    stream = node.add("/a/volts", names=("a", "b", "c", "d"))
    for element, (low, high) in zip(
        stream.elements, [(None, None), (1, 5), (1, None), (None, 5)], strict=True
    ):
        element.default_min, element.default_max = low, high
    text = run("stream", "info", "-e", "/a/volts").stdout
    for limits in ("auto", "1,5", "1,[auto]", "[auto],5"):
        assert f" {limits} " in text


def test_rename_changes_only_the_name(node: FakeNode, run: Run) -> None:
    stream = node.add("/a/volts")
    assert run("stream", "rename", "/a/volts", "amps").stdout == "OK\n"
    assert node.calls == [("data_stream_update", stream)]
    assert stream.name == "amps"


def test_delete_asks_first(node: FakeNode, run: Run) -> None:
    node.add("/a/volts")
    refused = run("stream", "delete", "/a/volts", answer="n\n")
    assert refused.exit_code == 0
    assert refused.stdout.startswith("Delete data stream [/a/volts]? [y/N]: ")
    assert refused.stdout.endswith("Cancelled\n")
    assert node.calls == []
    agreed = run("stream", "delete", "/a/volts", answer="y\n")
    assert agreed.stdout.endswith("OK\n")
    assert node.calls == [("data_stream_delete", "/a/volts")]


def test_delete_finds_event_streams_too(node: FakeNode, run: Run) -> None:
    node.event_streams["/a/trips"] = EventStream("trips")
    run("stream", "delete", "/a/trips", answer="y\n")
    assert node.calls == [("event_stream_delete", "/a/trips")]


def test_deleting_what_is_not_there_is_an_error(node: FakeNode, run: Run) -> None:
    result = run("stream", "delete", "/a/volts")
    assert "Error: Stream does not exist" in result.stderr
    assert result.exit_code == 1


def test_events_are_described_with_their_fields(
    node: FakeNode, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.event_streams["/a/trips"] = EventStream("trips", event_fields={"kind": "string"})

    async def info(path: str) -> object:
        from joule.models.events import EventStreamInfo

        return EventStreamInfo(None, None, 4)

    monkeypatch.setattr(node, "event_stream_info", info, raising=False)
    text = run("event", "info", "/a/trips").stdout
    assert "Event Stream Information:" in text
    assert "\tEvents:       4\n" in text
    assert "\tstring\t| kind\n" in text
    node.event_streams["/a/trips"].event_fields = {}
    assert "There are no fields specified" in run("event", "info", "/a/trips").stdout
