"""The JSON objects about the node itself, its modules and who may use it, as schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.access import MASTER_TYPES, SCOPES
from joule.wire.openapi.schemas import (
    COUNT,
    FLAG,
    ID,
    INTEGER,
    NUMBER,
    TEXT,
    list_of,
    map_of,
    one_of,
    optional,
    record,
    ref,
)

if TYPE_CHECKING:
    from joule.wire.openapi.schemas import Schema

_STATES = ("starting", "running", "waiting to restart", "failed to load", "stopped", "")

_SIZES = ("size", "other", "reserved", "free")
_BYTES: Schema = {"type": "integer", "minimum": -1}

NODE_OBJECTS: dict[str, Schema] = {
    "Version": record(
        {"version": TEXT, "name": TEXT, "uuid": {"type": "string", "format": "uuid"}},
        text="The uuid stays for as long as the node keeps its data.",
    ),
    "DiskUsage": record(
        {"path": TEXT, **dict.fromkeys(_SIZES, _BYTES), "fault": TEXT},
        absent=("fault",),
        text="Bytes of the data and of its disk, and what is wrong with it, if anything.",
    ),
    "ConnectionInfo": record(
        {
            "username": TEXT,
            "password": TEXT,
            "port": COUNT,
            "database": TEXT,
            "host": TEXT,
            "nilmdb_url": TEXT,
        },
        absent=("nilmdb_url",),
        text="The host is as the node sees it.",
    ),
    "Module": record(
        {
            "id": COUNT,
            "name": TEXT,
            "description": TEXT,
            "is_app": FLAG,
            "inputs": map_of(TEXT),
            "outputs": map_of(TEXT),
            "state": one_of(*_STATES),
            "reason": {"type": "string", "description": "why it does not run"},
            "exit_code": optional(INTEGER),
            "restarts": COUNT,
            "statistics": ref("ModuleStatistics"),
        },
        absent=("statistics",),
    ),
    "ModuleConfiguration": record(
        {
            "name": TEXT,
            "exec_cmd": TEXT,
            "arguments": map_of(TEXT),
            "inputs": map_of(TEXT),
            "outputs": map_of(TEXT),
        },
        text="Inputs and outputs are what the file says, like /folder/stream:float32[x,y].",
    ),
    "ConfigFault": record({"file": TEXT, "reason": TEXT}, text="A file that cannot be used."),
    "ReloadReport": record(
        {
            "added": list_of(TEXT),
            "changed": list_of(TEXT),
            "removed": list_of(TEXT),
            "faults": list_of(ref("ConfigFault")),
        },
        text="Modules by name, and the files that cannot be used.",
    ),
    "ModuleStatistics": record(
        {
            "pid": optional(INTEGER),
            "create_time": optional(NUMBER),
            "cpu_percent": optional(NUMBER),
            "memory_percent": optional(NUMBER),
            "pids": list_of(INTEGER),
        },
        text="All null while the module does not run; create_time is in UNIX seconds.",
    ),
    "ImportReport": record(
        {degree: list_of(ref("ImportMessage")) for degree in ("info", "warnings", "errors")},
        text="What was done, what was left out, and what failed or was there before.",
    ),
    "ImportMessage": record(
        {
            "source_label": optional(TEXT),
            "destination": optional(TEXT),
            "message": TEXT,
            "target_type": optional(one_of("data_stream", "event_stream")),
        },
        text="Label and destination are null when it is about the whole archive.",
    ),
    "App": record({"id": {"type": "string", "pattern": "^[mp][0-9]+$"}, "name": TEXT}),
    "Proxy": record({"id": COUNT, "name": TEXT, "url": TEXT}),
    "Master": record(
        {
            "id": ID,
            "name": TEXT,
            "type": one_of(*MASTER_TYPES),
            "scope": one_of(*SCOPES),
            "grantor_id": optional(ID),
        },
        text="Who may use this node; keys are never listed.",
    ),
    "Follower": record(
        {"id": ID, "name": TEXT, "location": TEXT, "key": TEXT},
        text="A node that this one may use, with the key that opens it.",
    ),
}
