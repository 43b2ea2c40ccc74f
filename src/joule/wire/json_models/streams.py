"""JSON of data streams, their elements."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from joule.models.streams import DataStream, Element
from joule.wire.json_models import values as check
from joule.wire.json_models.infos import info_to_json

if TYPE_CHECKING:
    from joule.models.streams import DataStreamInfo
    from joule.wire.json_models.values import JsonObject


_element_values = itemgetter(
    "id",
    "index",
    "name",
    "units",
    "plottable",
    "display_type",
    "offset",
    "scale_factor",
    "default_max",
    "default_min",
)
"""Gives the ten values of an element at once: there are many elements in a tree of folders."""


def element_to_json(element: Element) -> JsonObject:
    """JSON of an element; the display type is upper case on the wire."""
    return {
        "id": element.id if element.is_saved else None,
        "index": element.index,
        "name": element.name,
        "units": element.units,
        "plottable": element.plottable,
        "display_type": element.display_type.upper(),
        "offset": element.offset,
        "scale_factor": element.scale_factor,
        "default_max": element.default_max,
        "default_min": element.default_min,
    }


def element_from_json(json: object) -> Element:
    """Make an element; all ten keys must be there, the display type is taken in any case."""
    id_, index, name, units, plottable, display_type, offset, scale, highest, lowest = (
        _element_values(check.as_object(json, "element"))
    )
    element = Element(
        check.as_text(name, "element name"),
        check.as_optional_text(units, "units"),
        check.as_optional_flag(plottable, "plottable"),
        check.as_text(display_type, "display_type"),
        offset=check.as_number(offset, "offset"),
        scale_factor=check.as_number(scale, "scale_factor"),
        default_max=None if highest is None else check.as_number(highest, "default_max"),
        default_min=None if lowest is None else check.as_number(lowest, "default_min"),
        index=0 if index is None else check.as_integer(index, "index"),
    )
    element.id = None if id_ is None else check.as_integer(id_, "id")
    return element


def data_stream_to_json(stream: DataStream, info: DataStreamInfo | None = None) -> JsonObject:
    """JSON of a data stream, with ``data_info`` when ``info`` is given."""
    json: JsonObject = {
        "id": stream.id if stream.is_saved else None,
        "name": stream.name,
        "description": stream.description,
        "datatype": stream.datatype,
        "layout": stream.layout,
        "keep_us": stream.keep_us,
        "is_configured": stream.is_configured,
        "is_source": stream.is_source,
        "is_destination": stream.is_destination,
        "locked": stream.locked,
        "active": stream.active,
        "decimate": stream.decimate,
        "elements": [element_to_json(element) for element in stream.elements],
    }
    if info is not None:
        json["data_info"] = info_to_json(info)
    return check.with_time(json, stream.updated_at)


def data_stream_from_json(json: object) -> DataStream:
    """Make a data stream; elements come in the order of their list and are numbered so."""
    item = check.as_object(json, "stream")
    elements = [
        element_from_json(element) for element in check.as_list(item["elements"], "elements")
    ]
    for index, element in enumerate(elements):
        element.index = index
    stream = DataStream(
        name=item["name"],
        description=check.as_optional_text(item["description"], "description"),
        datatype=check.as_text(item["datatype"], "datatype").lower(),
        keep_us=check.as_integer(item["keep_us"], "keep_us"),
        elements=elements,
        decimate=check.as_flag(item["decimate"], "decimate"),
        is_configured=check.as_flag(item["is_configured"], "is_configured"),
        is_source=check.as_flag(item["is_source"], "is_source"),
        is_destination=check.as_flag(item["is_destination"], "is_destination"),
        updated_at=check.time_from_json(item.get("updated_at")),
    )
    stream.id = check.as_optional_integer(item["id"], "id")
    return stream
