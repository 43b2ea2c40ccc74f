"""Modules and their logs."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from aiohttp import web

from joule.server.params import query_spec
from joule.server.services import services_of
from joule.wire.json_models import module_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def _with(statistics: Mapping[int, ModuleStatistics], module: Module) -> JsonObject:
    shown = copy(module)
    shown.statistics = statistics.get(module.id)
    return module_to_json(shown)
