"""The paths and headers of a node's HTTP interface."""

from __future__ import annotations

from enum import StrEnum


class Route(StrEnum):
    """Every path that a node serves; members are plain strings."""

    ROOT = "/"
    VERSION = "/version"
    VERSION_JSON = "/version.json"
    DBINFO = "/dbinfo"
    COMMIT = "/commit.json"
    DB_CONNECTION = "/db/connection.json"
    OPENAPI = "/openapi.json"
    OPENAPI_PAGE = "/openapi.html"

    FOLDERS = "/folders.json"
    FOLDER = "/folder.json"
    FOLDER_MOVE = "/folder/move.json"
    FOLDER_MAP = "/folder/map.json"

    STREAM = "/stream.json"
    STREAM_MOVE = "/stream/move.json"
    STREAM_ANNOTATIONS = "/stream/annotations.json"

    DATA = "/data"
    DATA_JSON = "/data.json"
    DATA_INTERVALS = "/data/intervals.json"
    DATA_DECIMATE = "/data/decimate.json"
    DATA_CONSOLIDATE = "/data/consolidate.json"

    EVENT = "/event.json"
    EVENT_MOVE = "/event/move.json"
    EVENT_DATA = "/event/data.json"
    EVENT_DATA_COUNT = "/event/data/count.json"

    ANNOTATIONS = "/annotations.json"
    ANNOTATIONS_INFO = "/annotations/info.json"
    ANNOTATION = "/annotation.json"

    MODULES = "/modules.json"
    MODULE = "/module.json"
    MODULE_LOGS = "/module/logs.json"
    MODULE_LOG = "/module/log"
    MODULE_FAULTS = "/module/faults.json"
    MODULE_START = "/module/start.json"
    MODULE_STOP = "/module/stop.json"
    MODULE_RESTART = "/module/restart.json"
    RELOAD = "/reload.json"
    MODULE_CONFIGURATION = "/module/configuration.json"
    APPS = "/app.json"
    APP_AUTH = "/app/auth"
    PROXIES = "/proxies.json"
    PROXY = "/proxy.json"

    MASTERS = "/masters.json"
    MASTER = "/master.json"
    FOLLOWERS = "/followers.json"
    FOLLOWER = "/follower.json"

    ARCHIVE = "/archive.json"


LUMEN_NODES = "/nilms.json"
"""Where a Lumen server takes new nodes, below its own address."""

KEY_HEADER = "X-API-KEY"
"""Carries the caller's API key."""

AUTH_REQUIRED_HEADER = "X-AUTH-REQUIRED"
"""Set by a reverse proxy on the UNIX socket: the caller is not trusted, check its key."""

PORT_HEADER = "X-API-PORT"
SCHEME_HEADER = "X-API-SCHEME"
BASE_URI_HEADER = "X-API-BASE-URI"
"""Set by a reverse proxy on the UNIX socket: where others reach the node."""

FORWARDED_FOR_HEADER = "X-Forwarded-For"
"""Set by a reverse proxy: who asks."""

APP_PREFIXES = ("/app/", "/interface/")
"""What the paths of web interfaces begin with; the id of one follows."""

APP_ID_HEADER = "X-App-Id"
PROXY_PATH_HEADER = "X-Proxy-Path"
"""Ask and tell where the app of an id is."""

SERVER_BANNER = "Joule server"
"""The body of ``GET /``: how tools recognise a node."""
