"""Folders."""

from __future__ import annotations

from joule.wire.openapi.operations import (
    BY_PATH_OR_ID,
    DESTINATION_REFUSED,
    NO_FOLDER,
    NO_SPEC,
    OK,
    Answer,
    Body,
    Operation,
    Parameter,
    bad,
    flag,
    unknown,
)
from joule.wire.openapi.schemas import INTEGER, TEXT, list_of, one_of, record, ref
from joule.wire.routes import Route

_REFUSED = (*bad(NO_SPEC), *unknown(NO_FOLDER))
_LOCKED = bad("folder is locked")
_NAME_TAKEN = bad("a folder with this name is in the destination folder")

MOVE = Body(
    {
        **record(
            {"src_path": TEXT, "src_id": INTEGER, "dest_path": TEXT, "dest_id": INTEGER},
            absent=("src_path", "src_id", "dest_path", "dest_id"),
        ),
        "allOf": [
            {"anyOf": [{"required": ["src_path"]}, {"required": ["src_id"]}]},
            {"anyOf": [{"required": ["dest_path"]}, {"required": ["dest_id"]}]},
        ],
    },
    text="What to move by path or id, and into which folder; missing folders of dest_path are "
    "created.",
)


def _ids(name: str, meaning: str) -> Parameter:
    fault = f"parameter {name} must be a JSON list of ids"
    return Parameter(name, list_of(INTEGER), meaning, fault=fault, is_json=True)


FOLDERS = (
    Operation(
        "folder_tree",
        "get",
        Route.FOLDERS,
        "Give the whole tree of folders and streams",
        Answer(ref("FolderTree")),
        (flag("data-info", "with data_info of every stream"),),
    ),
    Operation(
        "folder_get",
        "get",
        Route.FOLDER,
        "Give a folder and everything below it",
        Answer(ref("Folder")),
        BY_PATH_OR_ID,
        refused=_REFUSED,
    ),
    Operation(
        "folder_update",
        "put",
        Route.FOLDER,
        "Change name or description of a folder",
        Answer(ref("Folder")),
        body=Body(record({"id": INTEGER, "folder": ref("FolderChanges")})),
        refused=(
            *bad(
                "Invalid request: specify id",
                "Invalid request: specify folder as JSON",
                "error: [folder] attribute must be JSON",
                "error: <reason>",
            ),
            *unknown(NO_FOLDER),
            *_LOCKED,
            *_NAME_TAKEN,
        ),
        scope="write",
    ),
    Operation(
        "folder_move",
        "put",
        Route.FOLDER_MOVE,
        "Make a folder the child of another one",
        Answer(record({"stream": ref("Folder")})),
        body=MOVE,
        refused=(
            *_REFUSED,
            *_LOCKED,
            *DESTINATION_REFUSED,
            *_NAME_TAKEN,
            *bad("cannot place a parent in a child folder"),
        ),
        scope="write",
    ),
    Operation(
        "folder_delete",
        "delete",
        Route.FOLDER,
        "Delete a folder and the streams in it",
        OK,
        (
            *BY_PATH_OR_ID,
            Parameter("recursive", one_of("0", "1"), "1: delete the folders below it too"),
        ),
        refused=(
            *_REFUSED,
            *_LOCKED,
            *bad("specify [recursive] or remove child folders first"),
        ),
        scope="write",
    ),
    Operation(
        "folder_map",
        "get",
        Route.FOLDER_MAP,
        "Give the streams of elements and all folders above them, for links to plots",
        Answer(ref("FolderMap")),
        (
            _ids("data_stream_elements", "ids of elements"),
            _ids("event_streams", "ids of event streams"),
        ),
    ),
)
