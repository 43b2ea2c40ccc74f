"""Modules, and what can be opened in a browser."""

from __future__ import annotations

from joule.wire.openapi.operations import (
    BY_NAME_OR_ID,
    NO_SPEC,
    PLAIN,
    Answer,
    Body,
    Operation,
    Parameter,
    bad,
    text,
    unknown,
)
from joule.wire.openapi.schemas import ANYTHING, INTEGER, TEXT, list_of, record, ref
from joule.wire.routes import APP_ID_HEADER, APP_PREFIXES, PROXY_PATH_HEADER, Route

_NO_MODULE = unknown("module does not exist")
_NO_APP = (*bad("invalid id"), *unknown("id not found"))
_APP = Parameter("app", TEXT, "id of the app", required=True, place="path")
_PATH = Parameter("path", TEXT, "path within the app", required=True, place="path")


def _relays(prefix: str) -> tuple[Operation, ...]:
    name = prefix.strip("/")
    return (
        Operation(
            f"{name}_without_slash",
            "get",
            f"{prefix}{{app}}",
            "Send a browser to the address below which an app's relative links work",
            None,
            (_APP,),
            refused=_NO_APP,
        ),
        Operation(
            f"{name}_relay",
            "get",
            f"{prefix}{{app}}/{{path}}",
            "Let an app answer; so it is with every other method, and with WebSockets",
            Answer(ANYTHING, "*/*", "What the app answers, whatever the status."),
            (_APP, _PATH),
            refused=(*_NO_APP, *bad("invalid path")),
        ),
    )


_WHICH = Body(record({"name": TEXT, "id": INTEGER}, absent=("name", "id")))


def _told(name: str, route: Route, summary: str) -> Operation:
    return Operation(
        name,
        "post",
        route,
        summary,
        Answer(ref("Module")),
        body=_WHICH,
        refused=(*bad("specify a name or id", "<why it cannot be done>"), *_NO_MODULE),
        scope="admin",
    )


MODULES = (
    Operation(
        "module_list",
        "get",
        Route.MODULES,
        "List the modules",
        Answer(list_of(ref("Module"))),
        (text("statistics", "there and not 0: with statistics"),),
    ),
    Operation(
        "module_get",
        "get",
        Route.MODULE,
        "Give a module with its statistics",
        Answer(ref("Module")),
        BY_NAME_OR_ID,
        refused=(*bad("specify a name or id"), *_NO_MODULE),
    ),
    Operation(
        "module_logs",
        "get",
        Route.MODULE_LOGS,
        "Give the last lines of a module's log, oldest first",
        Answer(list_of(TEXT)),
        BY_NAME_OR_ID,
        refused=(*bad("specify a name"), *_NO_MODULE),
    ),
    Operation(
        "module_log",
        "get",
        Route.MODULE_LOG,
        "Send the last lines of a module's log and then new ones as they come",
        Answer(TEXT, PLAIN),
        BY_NAME_OR_ID,
        refused=(*bad("specify a name"), *_NO_MODULE),
    ),
    Operation(
        "module_faults",
        "get",
        Route.MODULE_FAULTS,
        "List the module files that cannot be used",
        Answer(list_of(ref("ConfigFault"))),
    ),
    _told("module_start", Route.MODULE_START, "Start a module that does not run"),
    _told("module_stop", Route.MODULE_STOP, "End a module until it is started"),
    _told("module_restart", Route.MODULE_RESTART, "End a module and start it at once"),
    Operation(
        "reload",
        "post",
        Route.RELOAD,
        "Read all configuration files again and tell what has changed",
        Answer(ref("ReloadReport")),
        scope="admin",
    ),
    Operation(
        "module_configuration",
        "get",
        Route.MODULE_CONFIGURATION,
        "Give what the file of a module says",
        Answer(ref("ModuleConfiguration")),
        BY_NAME_OR_ID,
        refused=(*bad("specify a name or id"), *_NO_MODULE),
        scope="admin",
    ),
    Operation(
        "app_list",
        "get",
        Route.APPS,
        "List what can be opened in a browser",
        Answer(list_of(ref("App"))),
    ),
    Operation(
        "app_auth",
        "get",
        Route.APP_AUTH,
        "Tell a reverse proxy where the requests for an app go",
        Answer(
            None,
            text="The address, in a header.",
            headers={PROXY_PATH_HEADER: "address of the app, as nginx takes it"},
        ),
        (Parameter(APP_ID_HEADER, TEXT, "id of the app", required=True, place="header"),),
        refused=_NO_APP,
    ),
    *(operation for prefix in APP_PREFIXES for operation in _relays(prefix)),
    Operation(
        "proxy_list", "get", Route.PROXIES, "List the proxies", Answer(list_of(ref("Proxy")))
    ),
    Operation(
        "proxy_get",
        "get",
        Route.PROXY,
        "Give a proxy",
        Answer(ref("Proxy")),
        BY_NAME_OR_ID,
        refused=(*bad(NO_SPEC), *unknown("proxy does not exist")),
    ),
)
