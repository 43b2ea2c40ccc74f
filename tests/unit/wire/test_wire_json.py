from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from joule.models.annotations import Annotation, AnnotationInfo
from joule.models.events import Event, EventStream, EventStreamInfo
from joule.models.folders import Folder
from joule.models.modules import Module, ModuleConfiguration, ModuleStatistics
from joule.models.proxies import Proxy
from joule.models.streams import DataStream, DataStreamInfo, Element
from joule.storage.interfaces import MasterRecord
from joule.wire import json_models as wire

WHEN = datetime(2025, 9, 3, 14, 3, 38, 215532, tzinfo=UTC)


def a_stream(**changes: Any) -> DataStream:
    stream = DataStream(
        name="random",
        datatype="float32",
        elements=[Element(name="x", index=0), Element(name="y", index=1, units=None)],
        updated_at=WHEN,
    )
    stream.id = 12
    for name, value in changes.items():
        setattr(stream, name, value)
    return stream


def over_the_wire(value: object) -> Any:
    return json.loads(json.dumps(value))


def test_a_data_stream_has_the_documented_keys_and_derived_values() -> None:
    text = wire.data_stream_to_json(a_stream(is_source=True))
    assert set(text) == {
        "id", "name", "description", "datatype", "layout", "keep_us", "is_configured",
        "is_source", "is_destination", "updated_at", "locked", "active", "decimate", "elements",
    }  # fmt: skip
    assert text["layout"] == "float32_2"
    assert (text["active"], text["locked"]) == (True, True)
    assert text["updated_at"] == "2025-09-03T14:03:38.215532+00:00"


def test_an_element_has_ten_keys_and_an_upper_case_display_type() -> None:
    assert wire.element_to_json(Element(name="x", display_type="discrete")) == {
        "id": None, "index": 0, "name": "x", "units": "", "plottable": True,
        "display_type": "DISCRETE", "offset": 0.0, "scale_factor": 1.0,
        "default_max": None, "default_min": None,
    }  # fmt: skip


def test_a_data_stream_survives_the_way_there_and_back() -> None:
    text = over_the_wire(wire.data_stream_to_json(a_stream(decimate=False, keep_us=7)))
    again = wire.data_stream_from_json(text)
    assert wire.data_stream_to_json(again) == text
    assert again.elements[1].units is None
    assert again.updated_at == WHEN


def test_elements_are_numbered_by_their_place_in_the_list() -> None:
    text = wire.data_stream_to_json(a_stream())
    text["elements"][0]["index"] = 9
    assert [e.index for e in wire.data_stream_from_json(text).elements] == [0, 1]


@pytest.mark.parametrize("key", ["name", "datatype", "keep_us", "elements", "is_configured", "id"])
def test_a_missing_stream_attribute_is_a_key_error_naming_it(key: str) -> None:
    text = wire.data_stream_to_json(a_stream())
    del text[key]
    with pytest.raises(KeyError, match=key):
        wire.data_stream_from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("elements", {}), ("elements", [3]), ("elements", None), ("datatype", 4),
        ("keep_us", "x"), ("keep_us", 1.5), ("keep_us", True), ("decimate", "yes"), ("id", []),
        ("description", 3), ("updated_at", "yesterday"), ("keep_us", float("inf")),
    ],
)  # fmt: skip
def test_a_stream_attribute_of_the_wrong_type_is_refused(key: str, value: object) -> None:
    text = wire.data_stream_to_json(a_stream()) | {key: value}
    with pytest.raises((TypeError, ValueError)):
        wire.data_stream_from_json(text)


@pytest.mark.parametrize("value", ["nan", float("inf"), "x", None, True, 10**400])
def test_an_element_offset_must_be_a_finite_number(value: object) -> None:
    text = wire.element_to_json(Element(name="x")) | {"offset": value}
    with pytest.raises((TypeError, ValueError)):
        wire.element_from_json(text)


def test_a_stream_that_is_not_an_object_is_refused() -> None:
    with pytest.raises(TypeError, match="stream must be an object"):
        wire.data_stream_from_json("float32")


def test_data_info_is_there_only_when_asked_for() -> None:
    info = DataStreamInfo(start=1, end=5, rows=3, bytes=60, total_time=4)
    text = wire.data_stream_to_json(a_stream(), info)
    assert "data_info" not in wire.data_stream_to_json(a_stream())
    assert wire.info_from_json(DataStreamInfo, text["data_info"]) == info
    assert wire.info_from_json(DataStreamInfo, None) == DataStreamInfo()


def test_an_event_stream_survives_the_way_there_and_back() -> None:
    stream = EventStream(name="ev", keep_us=5, event_fields={"a": "string"}, updated_at=WHEN)
    info = EventStreamInfo(start=1, end=2, event_count=1, total_time=1)
    text = over_the_wire(wire.event_stream_to_json(stream, info))
    assert wire.info_from_json(EventStreamInfo, text.pop("data_info")) == info
    assert wire.event_stream_to_json(wire.event_stream_from_json(text)) == text


def test_an_event_stream_may_come_without_chunk_duration() -> None:
    text = wire.event_stream_to_json(EventStream(name="ev"))
    del text["chunk_duration_us"]
    assert wire.event_stream_from_json(text).chunk_duration_us == 0


def test_an_event_survives_the_way_there_and_back() -> None:
    event = Event(1, None, {"a": [1, {"b": None}]}, event_stream_id=3)
    event.id = 77
    again = wire.event_from_json(over_the_wire(wire.event_to_json(event)))
    assert (again, again.id, again.event_stream_id) == (event, 77, 3)


def test_an_event_must_say_which_stream_it_is_from_even_if_none() -> None:
    text = wire.event_to_json(Event(1, 2))
    assert not wire.event_from_json(text).is_saved
    del text["event_stream_id"]
    with pytest.raises(KeyError, match="event_stream_id"):
        wire.event_from_json(text)


def test_a_tree_of_folders_survives_the_way_there_and_back() -> None:
    events = EventStream(name="ev")
    events.id = 12
    leaf = Folder("leaf", locked=True, data_streams=[a_stream()], event_streams=[events])
    leaf.id = 2
    root = Folder("root", children=[leaf], updated_at=WHEN)
    root.id = 1
    text = over_the_wire(wire.folder_to_json(root))
    assert wire.folder_to_json(wire.folder_from_json(text)) == text
    assert set(text) == {
        "id", "name", "description", "locked", "updated_at", "children", "streams",
        "event_streams",
    }  # fmt: skip


def test_infos_of_data_and_event_streams_with_the_same_id_are_kept_apart() -> None:
    events = EventStream(name="ev")
    events.id = 12
    root = Folder("root", data_streams=[a_stream()], event_streams=[events])
    text = wire.folder_to_json(
        root, {12: DataStreamInfo(rows=4)}, {12: EventStreamInfo(event_count=5)}
    )
    assert text["streams"][0]["data_info"]["rows"] == 4
    assert text["event_streams"][0]["data_info"]["event_count"] == 5


def test_active_data_streams_are_found_in_the_whole_tree() -> None:
    leaf = Folder("leaf", data_streams=[a_stream(id=5, is_destination=True), a_stream(id=6)])
    root = Folder("root", children=[leaf], data_streams=[a_stream(id=7, is_source=True)])
    assert sorted(wire.active_data_streams(root)) == [5, 7]


def test_a_module_survives_the_way_there_and_back() -> None:
    module = Module(
        "plus1", "adds 1", inputs={"in": "/a"}, statistics=ModuleStatistics(1, 2.0, 3.0, 4.0)
    )
    module.id = 0
    text = over_the_wire(wire.module_to_json(module))
    assert wire.module_to_json(wire.module_from_json(text)) == text
    assert text["statistics"]["pid"] == 1


def test_a_module_without_statistics_has_no_such_key() -> None:
    module = Module("m")
    module.id = 3
    assert "statistics" not in wire.module_to_json(module)


def test_a_proxy_travels_with_its_target_only() -> None:
    proxy = Proxy("site", "http://127.0.0.1:5000/")
    proxy.id = 1
    text = wire.proxy_to_json(proxy)
    assert text == {"id": 1, "name": "site", "url": "http://127.0.0.1:5000/"}
    assert wire.proxy_from_json(text).target_url == "http://127.0.0.1:5000/"


def test_the_key_of_a_master_is_never_listed() -> None:
    record = MasterRecord(3, "alice", "USER", b"secret", "read", None)
    text = wire.master_to_json(record)
    assert text == {"id": 3, "name": "alice", "type": "USER", "scope": "read", "grantor_id": None}
    master = wire.master_from_json(text)
    assert (master.name, master.master_type, master.scope) == ("alice", "USER", "read")


def test_a_master_of_a_node_without_scopes_has_full_access() -> None:
    assert wire.master_from_json({"type": "USER", "name": "bob"}).scope == "admin"


def test_an_annotation_survives_the_way_there_and_back() -> None:
    annotation = Annotation("Demo", 5, None, None, stream_id=12)
    annotation.id = 5
    text = wire.annotation_to_json(annotation)
    again = wire.annotation_from_json(text)
    assert (again, again.id, again.stream_id) == (annotation, 5, 12)
    info = AnnotationInfo(1, 2, 3)
    assert wire.info_from_json(AnnotationInfo, wire.info_to_json(info)) == info


def test_node_info_is_made_of_two_answers() -> None:
    info = wire.node_info_from_json(
        {"version": "2.0", "name": "n", "uuid": "u"},
        {"path": "/x", "size": 1, "other": 2, "reserved": 3, "free": 4},
    )
    assert (info.size_db, info.size_other, info.size_reserved, info.size_free) == (1, 2, 3, 4)


def test_a_module_configuration_survives_the_way_there_and_back() -> None:
    said = ModuleConfiguration(
        "shift", "shift -v", {"by": "1"}, {"in": "/a/b"}, {"out": "/a/c:float32[x]"}
    )
    text = over_the_wire(wire.module_configuration_to_json(said))
    assert wire.module_configuration_from_json(text) == said
