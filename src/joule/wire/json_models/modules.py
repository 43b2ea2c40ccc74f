"""JSON of modules and proxies."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from joule.models.modules import Module, ModuleStatistics
from joule.models.proxies import Proxy
from joule.wire.json_models import values as check

if TYPE_CHECKING:
    from joule.wire.json_models.values import JsonObject


def module_to_json(module: Module) -> JsonObject:
    """JSON of a module, with ``statistics`` when the module carries them."""
    json: JsonObject = {
        "id": module.id,
        "name": module.name,
        "description": module.description,
        "is_app": module.is_app,
        "inputs": module.inputs,
        "outputs": module.outputs,
        "state": module.state,
    }
    if module.statistics is not None:
        json["statistics"] = asdict(module.statistics)
    return json


def module_from_json(json: object) -> Module:
    """Make a module; ``statistics`` and ``state`` may be absent."""
    item = check.as_object(json, "module")
    statistics = item.get("statistics")
    module = Module(
        name=check.as_text(item["name"], "module name"),
        description=check.as_optional_text(item["description"], "description") or "",
        is_app=check.as_flag(item["is_app"], "is_app"),
        inputs=check.as_object(item["inputs"], "inputs"),
        outputs=check.as_object(item["outputs"], "outputs"),
        statistics=None if statistics is None else _statistics_from_json(statistics),
        state=check.as_text(item.get("state", ""), "state"),
    )
    module.id = check.as_integer(item["id"], "id")
    return module


def _statistics_from_json(json: object) -> ModuleStatistics:
    item = check.as_object(json, "statistics")
    return ModuleStatistics(
        pid=check.as_optional_integer(item["pid"], "pid"),
        create_time=check.as_optional_number(item["create_time"], "create_time"),
        cpu_percent=check.as_optional_number(item["cpu_percent"], "cpu_percent"),
        memory_percent=check.as_optional_number(item["memory_percent"], "memory_percent"),
    )


def proxy_to_json(proxy: Proxy) -> JsonObject:
    """JSON of a proxy; where the node serves it is for the client to say, it knows the URL."""
    return {"id": proxy.id, "name": proxy.name, "url": proxy.target_url}


def proxy_from_json(json: object) -> Proxy:
    """Make a proxy, without ``proxied_url``."""
    item = check.as_object(json, "proxy")
    proxy = Proxy(
        name=check.as_text(item["name"], "proxy name"),
        target_url=check.as_text(item["url"], "url"),
    )
    proxy.id = check.as_integer(item["id"], "id")
    return proxy
