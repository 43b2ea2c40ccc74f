"""The node itself, and its description."""

from __future__ import annotations

from joule.wire.openapi.operations import HTML, OK, PLAIN, Answer, Operation, bad
from joule.wire.openapi.schemas import ANYTHING, TEXT, map_of, ref
from joule.wire.routes import SERVER_BANNER, Route

NODE = (
    Operation(
        "banner",
        "get",
        Route.ROOT,
        "Say that this is a node",
        Answer({"enum": [SERVER_BANNER]}, PLAIN),
    ),
    Operation("version", "get", Route.VERSION, "Give the version", Answer(TEXT, PLAIN)),
    Operation(
        "version_json",
        "get",
        Route.VERSION_JSON,
        "Give version, name and uuid",
        Answer(ref("Version")),
    ),
    Operation(
        "dbinfo", "get", Route.DBINFO, "Give the room that the data takes", Answer(ref("DiskUsage"))
    ),
    Operation(
        "commit",
        "post",
        Route.COMMIT,
        "Make all rows durable that were accepted so far",
        OK,
        scope="admin",
    ),
    Operation(
        "db_connection",
        "get",
        Route.DB_CONNECTION,
        "Give what a program connects to the database server with",
        Answer(ref("ConnectionInfo")),
        refused=bad(
            "this node keeps its data in [<path>], there is no database server: <advice>",
            "the node cannot set up the database role joule_module for programs: <reason>",
        ),
        scope="admin",
    ),
    Operation(
        "openapi",
        "get",
        Route.OPENAPI,
        "Give this description",
        Answer(map_of(ANYTHING)),
    ),
    Operation(
        "openapi_page",
        "get",
        Route.OPENAPI_PAGE,
        "Give this description as a page to read",
        Answer(TEXT, HTML),
    ),
)
