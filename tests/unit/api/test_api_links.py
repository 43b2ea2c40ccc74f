"""Links into Lumen, and the compression that their views are written in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.api import DataStream, Element, EventStream
from joule.api.lumen_link import (
    Axis,
    BasicSetting,
    DisplayedDataStreamElement,
    DisplayedEventStream,
    IRange,
    SettingType,
    SettingWithAxis,
    SettingWithSize,
)
from joule.api.lz_text import packed_for_url
from joule.errors import InvalidRequestError

if TYPE_CHECKING:
    from joule.api import TcpNode
    from joule.testing.node import RunningNode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$"


def unpacked(packed: str) -> str:
    """Undo the compression as Lumen's pages do."""
    bits = iter("".join(f"{ALPHABET.index(character):06b}" for character in packed))

    def take(width: int) -> int:
        return int("".join(next(bits) for _ in range(width))[::-1], 2)

    if take(2) == 2:
        return ""
    phrases = ["", "", "", chr(take(8))]
    result = last = phrases[3]
    width, room = 3, 4
    while (code := take(width)) != 2:
        if code == 0:
            code = len(phrases)
            phrases.append(chr(take(8)))
            room -= 1
        if not room:
            width, room = width + 1, 1 << width
        phrase = phrases[code] if code < len(phrases) else last + last[0]
        phrases.append(last + phrase[0])
        result, last, room = result + phrase, phrase, room - 1
        if not room:
            width, room = width + 1, 1 << width
    return result


@pytest.mark.parametrize(
    ("text", "packed"), [("", "Q"), ("hello hello hello", "BYUwNmD2AEoTcpA"), ("aaaa", "IY5A")]
)
def test_the_compression_is_that_of_web_pages(text: str, packed: str) -> None:
    assert packed_for_url(text) == packed


@given(st.text(st.characters(max_codepoint=255), max_size=300) | st.text("ab", max_size=300))
def test_what_is_packed_can_be_unpacked(text: str) -> None:
    assert unpacked(packed_for_url(text)) == text


def test_characters_that_json_escapes_are_refused() -> None:
    with pytest.raises(ValueError, match="latin-1"):
        packed_for_url("\u20ac")


async def test_a_link_holds_what_to_show_and_how(node: TcpNode, running: RunningNode) -> None:
    stream = await node.data_stream_create(
        DataStream("power", elements=[Element("a"), Element("b")]), "/house/main"
    )
    events = await node.event_stream_create(EventStream("loads"), "/house")
    link = await node.create_lumen_link(
        "https://lumen.example/",
        [DisplayedDataStreamElement(stream.elements[1], "\u03a3 power", "#00ff00", Axis.LEFT)],
        [
            DisplayedEventStream(
                events,
                color=BasicSetting(SettingType.FIXED, "#ff0000"),
                marker=SettingWithSize(SettingType.FIXED, 5, "x"),
                position=SettingWithAxis(SettingType.ATTRIBUTE, "power", Axis.RIGHT),
            )
        ],
        nav_time_bounds=IRange(1_600_000_000_000_000, 1_600_000_600_000_500),
        left_y_bounds=IRange(0, 10),
    )
    address, _, view = link.partition("?view=")
    assert address == "https://lumen.example/explorer"
    shown = json.loads(unpacked(view))
    objects = shown.pop("joule_objects")
    assert objects["node_uuid"] == str(running.node.uuid)
    assert objects["data_element_ids"] == [stream.elements[1].id]
    assert objects["event_stream_ids"] == [events.id]
    assert shown == {
        "elements": [
            {
                "stream_id": stream.id,
                "index": 1,
                "display_name": "\u03a3 power",
                "color": "#00ff00",
                "axis": "left",
            }
        ],
        "event_streams": [
            {
                "id": events.id,
                "display_name": "",
                "color": {"setting_type": "fixed", "value": "#ff0000"},
                "marker": {"setting_type": "fixed", "value": "x", "size": 5},
                "label": None,
                "position": {"setting_type": "attribute", "value": "power", "axis": "right"},
                "height": None,
                "filter": None,
            }
        ],
        "nav_time_bounds": {"min": 1_600_000_000_000.0, "max": 1_600_000_600_000.5},
        "main_time_bounds": None,
        "left_y_bounds": {"min": 0, "max": 10},
        "right_y_bounds": None,
    }


async def test_a_link_needs_neither_elements_nor_events(node: TcpNode) -> None:
    link = await node.create_lumen_link("http://lumen")
    assert json.loads(unpacked(link.partition("?view=")[2]))["elements"] == []


async def test_an_element_of_another_node_is_refused(node: TcpNode) -> None:
    element = Element("strange")
    element.id = 999
    with pytest.raises(InvalidRequestError, match=r"no element \[strange\]"):
        await node.create_lumen_link("http://lumen", [DisplayedDataStreamElement(element)])
