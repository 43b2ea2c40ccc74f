"""Modules and their logs."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from aiohttp import web

from joule.server.params import body_spec, json_body, query_spec
from joule.server.services import services_of
from joule.server.streams import LASTING, sending
from joule.wire.json_models import (
    config_fault_to_json,
    module_configuration_to_json,
    module_to_json,
    reload_report_to_json,
)
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from joule.models.modules import Module, ModuleStatistics
    from joule.wire.json_models.values import JsonObject

routes = web.RouteTableDef()


@routes.get(Route.MODULES)
async def module_list(request: web.Request) -> web.Response:
    """List the modules, with ``statistics`` when the query asks for them."""
    directory = services_of(request).modules
    if request.query.get("statistics", "0") == "0":
        return web.json_response([module_to_json(module) for module in directory.modules()])
    statistics = await directory.statistics()
    return web.json_response([_with(statistics, module) for module in directory.modules()])


@routes.get(Route.MODULE)
async def module_get(request: web.Request) -> web.Response:
    """Give one module, always with statistics."""
    directory = services_of(request).modules
    spec = query_spec(request, text="name", fault="specify a name or id")
    module = directory.module(spec)
    return web.json_response(_with(await directory.statistics(module.id), module))


@routes.get(Route.MODULE_LOGS)
async def module_logs(request: web.Request) -> web.Response:
    """Give the last lines of a module's log, oldest first."""
    spec = query_spec(request, text="name", fault="specify a name")
    return web.json_response(services_of(request).modules.logs(spec))


@routes.get(Route.MODULE_CONFIGURATION)
async def module_configuration(request: web.Request) -> web.Response:
    """Give what the file of a module says; its arguments may be nobody else's business."""
    spec = query_spec(request, text="name", fault="specify a name or id")
    configuration = services_of(request).modules.configuration(spec)
    return web.json_response(module_configuration_to_json(configuration))


@routes.get(Route.MODULE_LOG)
async def module_log(request: web.Request) -> web.StreamResponse:
    """Send the last lines of a module's log and then new ones as they come, as text."""
    spec = query_spec(request, text="name", fault="specify a name")
    tail = services_of(request).modules.log_tail(spec)
    with request.app[LASTING].until_stopped():
        async with sending(request, {"Content-Type": "text/plain; charset=utf-8"}) as response:
            if request.method == "HEAD":
                return response
            async for lines in tail:
                await response.write("".join(f"{line}\n" for line in lines).encode())
    return response


@routes.get(Route.MODULE_FAULTS)
async def module_faults(request: web.Request) -> web.Response:
    """List the module files that cannot be used, with the reason."""
    faults = services_of(request).configuration.module_faults()
    return web.json_response([config_fault_to_json(fault) for fault in faults])


@routes.post(Route.MODULE_START)
async def module_start(request: web.Request) -> web.Response:
    """Start a module that does not run, and give it as it is then."""
    return await _told(request, services_of(request).modules.start_module)


@routes.post(Route.MODULE_STOP)
async def module_stop(request: web.Request) -> web.Response:
    """End a module until it is started, and give it as it is then."""
    return await _told(request, services_of(request).modules.stop_module)


@routes.post(Route.MODULE_RESTART)
async def module_restart(request: web.Request) -> web.Response:
    """End a module, start it at once, and give it as it is then."""
    return await _told(request, services_of(request).modules.restart_module)


@routes.post(Route.RELOAD)
async def reload(request: web.Request) -> web.Response:
    """Read all configuration files again and tell what has changed."""
    report = await services_of(request).configuration.reload()
    return web.json_response(reload_report_to_json(report))


async def _told(
    request: web.Request, tell: Callable[[str | int], Awaitable[Module]]
) -> web.Response:
    spec = body_spec(await json_body(request), text="name", fault="specify a name or id")
    return web.json_response(module_to_json(await tell(spec)))


def _with(statistics: Mapping[int, ModuleStatistics], module: Module) -> JsonObject:
    shown = copy(module)
    shown.statistics = statistics.get(module.id)
    return module_to_json(shown)
