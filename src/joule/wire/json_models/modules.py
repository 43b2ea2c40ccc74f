"""JSON of modules and proxies."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from joule.models.modules import (
    ConfigFault,
    Module,
    ModuleConfiguration,
    ModuleStatistics,
    ReloadReport,
)
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
        "reason": module.reason,
        "exit_code": module.exit_code,
        "restarts": module.restarts,
    }
    if module.statistics is not None:
        json["statistics"] = asdict(module.statistics) | {"pids": list(module.statistics.pids)}
    return json


def module_from_json(json: object) -> Module:
    """Make a module; what nodes before 2.0 do not send may be absent."""
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
        reason=check.as_text(item.get("reason", ""), "reason"),
        exit_code=check.as_optional_integer(item.get("exit_code"), "exit_code"),
        restarts=check.as_integer(item.get("restarts", 0), "restarts"),
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
        pids=tuple(check.as_integer(pid, "pid") for pid in item.get("pids", ())),
    )


def config_fault_to_json(fault: ConfigFault) -> JsonObject:
    """JSON of a configuration file that cannot be used."""
    return asdict(fault)


def config_fault_from_json(json: object) -> ConfigFault:
    """Make a fault."""
    item = check.as_object(json, "fault")
    return ConfigFault(check.as_text(item["file"], "file"), check.as_text(item["reason"], "reason"))


def reload_report_to_json(report: ReloadReport) -> JsonObject:
    """JSON of what a reload has changed."""
    json: JsonObject = {
        change: list(getattr(report, change)) for change in ("added", "changed", "removed")
    }
    json["faults"] = [config_fault_to_json(fault) for fault in report.faults]
    return json


def reload_report_from_json(json: object) -> ReloadReport:
    """Make a report."""
    item = check.as_object(json, "report")
    names = {
        change: tuple(check.as_text(name, "module name") for name in item[change])
        for change in ("added", "changed", "removed")
    }
    faults = tuple(config_fault_from_json(fault) for fault in item["faults"])
    return ReloadReport(**names, faults=faults)


def module_configuration_to_json(configuration: ModuleConfiguration) -> JsonObject:
    """JSON of what a module's file says."""
    return asdict(configuration)


def module_configuration_from_json(json: object) -> ModuleConfiguration:
    """Make what a module's file says."""
    item = check.as_object(json, "module configuration")
    return ModuleConfiguration(
        name=check.as_text(item["name"], "module name"),
        exec_cmd=check.as_text(item["exec_cmd"], "exec_cmd"),
        arguments=_texts(item["arguments"], "arguments"),
        inputs=_texts(item["inputs"], "inputs"),
        outputs=_texts(item["outputs"], "outputs"),
    )


def _texts(json: object, what: str) -> dict[str, str]:
    return {name: check.as_text(text, name) for name, text in check.as_object(json, what).items()}


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
