"""Masters, who may use this node, and followers, which it may use."""

from __future__ import annotations

from joule.models.access import SCOPES
from joule.wire.openapi.operations import (
    JSON,
    PLAIN,
    Answer,
    Body,
    Operation,
    Parameter,
    bad,
    text,
    unknown,
)
from joule.wire.openapi.operations import OK as _OK
from joule.wire.openapi.schemas import (
    ANYTHING,
    FLAG,
    TEXT,
    list_of,
    map_of,
    one_of,
    optional,
    record,
    ref,
)
from joule.wire.routes import KEY_HEADER, Route

_ADDED = record({"name": TEXT, "scope": one_of(*SCOPES), "key": TEXT}, absent=("key",))
_TYPES = one_of("user", "joule", "lumen")
_PORT = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 65535},
        {"type": "string", "pattern": "^[0-9]{1,5}$"},
    ]
}

_NEW_MASTER = record(
    {
        "master_type": _TYPES,
        "identifier": {
            "type": "string",
            "minLength": 1,
            "description": "name of the user, or URL or host of the node or Lumen server",
        },
        "api_key": optional({"type": "string", "minLength": 32}),
        "scope": one_of(*SCOPES),
        "replace": FLAG,
        "lumen_params": optional(map_of(ANYTHING)),
    },
    absent=("api_key", "scope", "replace", "lumen_params"),
)

_NEW_FOLLOWER = record(
    {
        "key": TEXT,
        "port": _PORT,
        "scheme": one_of("http", "https"),
        "base_uri": TEXT,
        "name": TEXT,
        "name_is_host": ANYTHING,
    },
    absent=("name", "name_is_host"),
)

ACCESS = (
    Operation(
        "master_list",
        "get",
        Route.MASTERS,
        "List who may use this node",
        Answer(list_of(ref("Master"))),
        scope="admin",
    ),
    Operation(
        "master_add",
        "post",
        Route.MASTER,
        "Give a user access, or put this node under a node or a Lumen server",
        Answer(_ADDED, text="For a user with the key, which is shown only here."),
        body=Body(_NEW_MASTER),
        refused=bad(
            "master_type must be [user|joule|lumen]",
            f"Invalid request '{KEY_HEADER}'",
            "Invalid request 'identifier'",
            "Invalid request 'lumen_params'",
            "scope must be one of read, write, admin",
            "API Key must be at least 32 characters",
            "User already exists",
            "this API key belongs to somebody else",
            "this node can be reached on its own host only: <advice>",
            '{"error": "<why the other side did not take this node>"}',
        ),
        scope="admin",
        refusal_kind=JSON,
    ),
    Operation(
        "master_remove",
        "delete",
        Route.MASTER,
        "Take access away",
        _OK,
        (
            text("name", "name of the master", required=True),
            Parameter("master_type", _TYPES, "what it is", required=True),
        ),
        refused=(
            *bad(
                "specify name and master_type",
                "cannot delete yourself, this would lock you out of the node",
            ),
            *unknown("<type> [<name>] is not a master of node [<node>]"),
        ),
        scope="admin",
    ),
    Operation(
        "follower_list",
        "get",
        Route.FOLLOWERS,
        "List which nodes this one may use",
        Answer(list_of(ref("Follower"))),
        scope="admin",
    ),
    Operation(
        "follower_add",
        "post",
        Route.FOLLOWER,
        "Ask to be used by this node, which tries the key at once",
        Answer(record({"name": TEXT})),
        body=Body(_NEW_FOLLOWER),
        refused=bad(
            "Invalid request, missing ['<key>']",
            "Invalid request, bad argument format",
            "could not determine remote host, <advice>",
            "no route to node at <location>",
            "a node cannot be its own follower",
            "another node at <location> is follower [<name>]",
        ),
        scope=None,
    ),
    Operation(
        "follower_remove",
        "delete",
        Route.FOLLOWER,
        "Forget a follower",
        Answer(one_of("OK"), PLAIN, "Done."),
        (text("name", "its name", required=True),),
        refused=(*bad("specify name to remove"), *unknown("follower not found")),
        scope="admin",
    ),
)
