"""Prints links into Lumen as whichever Joule runs this script makes them.

``python joule_1_0_links.py URL KEY FOLDER`` needs a data stream ``data`` of two elements and an
event stream ``events`` in the folder.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import joule.api
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

LUMEN = "https://lumen.example/lumen"
START = 1_700_000_000_000_000


def cases(first: Any, second: Any, events: Any) -> list[dict[str, Any]]:
    """Give the arguments for a link with as little as can be, one with some, one with all."""
    fixed, attribute = SettingType.FIXED, SettingType.ATTRIBUTE
    drawn = DisplayedEventStream(
        events,
        "shown name",
        BasicSetting(fixed, "#00ff00"),
        SettingWithSize(attribute, 4, "kind"),
        SettingWithSize(fixed, 9, "label"),
        SettingWithAxis(fixed, 3.5, Axis.LEFT),
        BasicSetting(fixed, "5"),
        [[["n", "gt", 3]]],
    )
    coloured = DisplayedDataStreamElement(second, "shown name", "#ff0000", Axis.RIGHT)
    ranges = {
        "nav_time_bounds": IRange(START, START + 9_000_000),
        "main_time_bounds": IRange(START + 1_000_000, START + 2_000_000),
        "left_y_bounds": IRange(0, 1),
        "right_y_bounds": IRange(-1.5, 5),
    }
    plain = DisplayedDataStreamElement(first)
    return [
        {"data_stream_elements": [plain], "event_streams": []},
        {"data_stream_elements": [], "event_streams": [DisplayedEventStream(events)]},
        {"data_stream_elements": [plain, coloured], "event_streams": [drawn], **ranges},
    ]


async def main(url: str, key: str, folder: str) -> None:
    node = joule.api.create_tcp_node(url, key)
    first, second = (await node.data_stream_get(f"{folder}/data")).elements
    events = await node.event_stream_get(f"{folder}/events")
    for arguments in cases(first, second, events):
        print(await node.create_lumen_link(LUMEN, **arguments))  # noqa: T201 - the caller reads it
    await node.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
