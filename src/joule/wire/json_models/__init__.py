"""The JSON form of every object that travels between a node and its clients.

``x_to_json`` gives a JSON value for an object; ``x_from_json`` makes the object of one and raises
``KeyError`` with the name of a missing key, or ``TypeError`` or ``ValueError`` with the reason for
a value of the wrong type. Unknown keys are ignored. Rules about the values, such as unique names,
are not checked here.
"""

from __future__ import annotations

from joule.wire.json_models.access import (
    follower_to_json,
    master_from_json,
    master_to_json,
    node_info_from_json,
)
from joule.wire.json_models.annotations import (
    annotation_from_json,
    annotation_to_json,
)
from joule.wire.json_models.events import (
    event_from_json,
    event_stream_from_json,
    event_stream_to_json,
    event_to_json,
)
from joule.wire.json_models.folders import active_data_streams, folder_from_json, folder_to_json
from joule.wire.json_models.infos import info_from_json, info_to_json
from joule.wire.json_models.modules import (
    config_fault_from_json,
    config_fault_to_json,
    module_configuration_from_json,
    module_configuration_to_json,
    module_from_json,
    module_to_json,
    proxy_from_json,
    proxy_to_json,
    reload_report_from_json,
    reload_report_to_json,
)
from joule.wire.json_models.streams import (
    data_stream_from_json,
    data_stream_to_json,
    element_from_json,
    element_to_json,
)

__all__ = [
    "active_data_streams",
    "annotation_from_json",
    "annotation_to_json",
    "config_fault_from_json",
    "config_fault_to_json",
    "data_stream_from_json",
    "data_stream_to_json",
    "element_from_json",
    "element_to_json",
    "event_from_json",
    "event_stream_from_json",
    "event_stream_to_json",
    "event_to_json",
    "folder_from_json",
    "folder_to_json",
    "follower_to_json",
    "info_from_json",
    "info_to_json",
    "master_from_json",
    "master_to_json",
    "module_configuration_from_json",
    "module_configuration_to_json",
    "module_from_json",
    "module_to_json",
    "node_info_from_json",
    "proxy_from_json",
    "proxy_to_json",
    "reload_report_from_json",
    "reload_report_to_json",
]
