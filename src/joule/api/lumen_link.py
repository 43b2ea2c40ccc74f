"""Links that open a plot in a Lumen server: which streams, how they are drawn, which range."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from joule.api.answers import member
from joule.api.lz_text import packed_for_url
from joule.api.part import NodePart
from joule.errors import InvalidRequestError
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joule.models.events import EventStream
    from joule.models.streams import Element

_US_PER_MS = 1000


class Axis(StrEnum):
    """The side of the plot whose scale is used."""

    LEFT = "left"
    RIGHT = "right"


class SettingType(StrEnum):
    """Whether a value is meant as it is, or names an attribute of each event."""

    FIXED = "fixed"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True)
class BasicSetting:
    """A colour or a height."""

    setting_type: SettingType
    value: str

    def to_json(self) -> dict[str, Any]:
        """Give the setting as Lumen reads it."""
        return {"setting_type": self.setting_type, "value": self.value}


@dataclass(frozen=True)
class SettingWithSize:
    """A marker or a label."""

    setting_type: SettingType
    size: int
    value: str

    def to_json(self) -> dict[str, Any]:
        """Give the setting as Lumen reads it."""
        return {"setting_type": self.setting_type, "value": self.value, "size": self.size}


@dataclass(frozen=True)
class SettingWithAxis:
    """A position, on the scale of an axis."""

    setting_type: SettingType
    value: str | float
    axis: Axis

    def to_json(self) -> dict[str, Any]:
        """Give the setting as Lumen reads it."""
        return {"setting_type": self.setting_type, "value": self.value, "axis": self.axis}


@dataclass(frozen=True)
class IRange:
    """From ``min`` to ``max``: UNIX us for times, else values of an axis."""

    min: float
    max: float


@dataclass(frozen=True)
class DisplayedDataStreamElement:
    """An element of a data stream and how to draw it; Lumen chooses what is not given."""

    data_stream_element: Element
    display_name: str = ""
    color: str = ""
    axis: Axis | None = None


@dataclass(frozen=True)
class DisplayedEventStream:
    """An event stream and how to draw it; Lumen chooses what is not given."""

    event_stream: EventStream
    display_name: str = ""
    color: BasicSetting | None = None
    marker: SettingWithSize | None = None
    label: SettingWithSize | None = None
    position: SettingWithAxis | None = None
    height: BasicSetting | None = None
    filter: list[Any] | None = None


class LinkActions(NodePart):
    """Methods of a node for links into Lumen."""

    async def create_lumen_link(
        self,
        lumen_url: str,
        data_stream_elements: Sequence[DisplayedDataStreamElement] | None = None,
        event_streams: Sequence[DisplayedEventStream] | None = None,
        nav_time_bounds: IRange | None = None,
        main_time_bounds: IRange | None = None,
        left_y_bounds: IRange | None = None,
        right_y_bounds: IRange | None = None,
    ) -> str:
        """Make a link to a plot of elements and event streams of this node.

        The kinds of the arguments are in ``joule.api.lumen_link``; elements and event streams
        must be ones that a node gave. ``nav_time_bounds`` and ``main_time_bounds`` (UNIX us) are
        the ranges of the overview and of the plot, the others limit the axes. Whoever opens the
        link needs an account at that Lumen, and Lumen must know this node.
        """
        elements, events = list(data_stream_elements or ()), list(event_streams or ())
        element_ids = [shown.data_stream_element.id for shown in elements]
        query = {
            "data_stream_elements": json.dumps(element_ids),
            "event_streams": json.dumps([shown.event_stream.id for shown in events]),
        }
        found = await self.session.get(Route.FOLDER_MAP, query)
        owners = member("data_stream_element_map", found)
        view = {
            "joule_objects": found,
            "elements": [_element(shown, owners) for shown in elements],
            "event_streams": [_event_stream(shown) for shown in events],
            "nav_time_bounds": _times(nav_time_bounds),
            "main_time_bounds": _times(main_time_bounds),
            "left_y_bounds": _values(left_y_bounds),
            "right_y_bounds": _values(right_y_bounds),
        }
        return f"{lumen_url.rstrip('/')}/explorer?view={packed_for_url(json.dumps(view))}"


def _element(shown: DisplayedDataStreamElement, owners: Mapping[str, int]) -> dict[str, Any]:
    element = shown.data_stream_element
    if str(element.id) not in owners:
        raise InvalidRequestError(f"the node has no element [{element.name}] with this id")
    return {
        "stream_id": owners[str(element.id)],
        "index": element.index,
        "display_name": shown.display_name,
        "color": shown.color,
        "axis": shown.axis or "",
    }


def _event_stream(shown: DisplayedEventStream) -> dict[str, Any]:
    settings = ("color", "marker", "label", "position", "height")
    drawn = {name: getattr(shown, name) for name in settings}
    return {
        "id": shown.event_stream.id,
        "display_name": shown.display_name,
        **{name: value and value.to_json() for name, value in drawn.items()},
        "filter": shown.filter,
    }


def _times(bounds: IRange | None) -> dict[str, float] | None:
    if bounds is None:
        return None
    return _values(IRange(bounds.min / _US_PER_MS, bounds.max / _US_PER_MS))


def _values(bounds: IRange | None) -> dict[str, float] | None:
    return None if bounds is None else {"min": bounds.min, "max": bounds.max}
