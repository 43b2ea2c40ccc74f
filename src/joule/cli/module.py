"""``joule module``: what the modules of a node do and say."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.module_control import restart, start, state_lines, stop
from joule.cli.module_logs import logs
from joule.cli.module_run import run
from joule.cli.options import as_json
from joule.cli.session import on_node
from joule.errors import NotFoundError
from joule.wire.json_models import config_fault_to_json, module_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.api import ConfigFault, Module, ModuleStatistics, Node


@click.group("module")
def group() -> None:
    """Look after the modules of a node."""


group.add_command(run)
group.add_command(logs)
group.add_command(start)
group.add_command(stop)
group.add_command(restart)


@group.command("list")
@click.option("-s", "--statistics", is_flag=True, help="Show processor and memory use.")
@as_json
@on_node
async def list_modules(node: Node, statistics: bool, as_json: bool) -> None:
    """List the modules, their state and their streams."""
    modules = await node.module_list(statistics=statistics)
    faults = await _faults(node)
    if as_json:
        output.document(
            {
                "modules": [module_to_json(module) for module in modules],
                "faults": [config_fault_to_json(fault) for fault in faults],
            }
        )
        return
    has_state = any(module.state for module in modules)  # nodes before 2.0 do not tell it
    headers = ["Name", "Inputs", "Outputs", *(["State"] if has_state else [])]
    headers += ["CPU %", "Mem %"] if statistics else []
    rows = [_row(module, has_state=has_state, statistics=statistics) for module in modules]
    output.table(headers, rows)
    for fault in faults:
        output.line(f"Not used: {fault.file}\n  {fault.reason}")


async def _faults(node: Node) -> list[ConfigFault]:
    try:
        return await node.module_faults()
    except NotFoundError:
        return []  # nodes before 2.0 do not tell


def _row(module: Module, *, has_state: bool, statistics: bool) -> list[str]:
    row = [module.name, "\n".join(module.inputs.values()), "\n".join(module.outputs.values())]
    if has_state:
        row.append("\n".join(state_lines(module)))
    if statistics:
        used = module.statistics
        row.append(_number(used.cpu_percent if used else None, ".1f"))
        row.append(_number(used.memory_percent if used else None, ".1f"))
    return row


def _number(value: float | None, style: str, unit: str = "") -> str:
    return output.DASH if value is None else f"{value:{style}}{unit}"


@group.command("info")
@click.argument("name")
@as_json
@on_node
async def info(node: Node, name: str, as_json: bool) -> None:
    """Show a module's streams and the resources it uses."""
    module = await node.module_get(name, statistics=True)
    if as_json:
        output.document(module_to_json(module))
        return
    output.line()
    if module.is_app:
        output.line("This module is a Data App")
    output.section("Name", module.name)
    if module.description:
        output.section("Description", module.description)
    if module.state:
        output.section("State", *state_lines(module))
    output.section("Inputs", *_pipes(module.inputs))
    output.section("Outputs", *_pipes(module.outputs))
    _usage(module.statistics)


def _pipes(pipes: Mapping[str, str]) -> list[str]:
    return [f"{name}:\t{path}" for name, path in pipes.items()] or ["--none--"]


def _usage(used: ModuleStatistics | None) -> None:
    output.section("CPU Usage", _number(used.cpu_percent if used else None, ".2f", "%"))
    output.section("Memory Usage", _number(used.memory_percent if used else None, ".2f", "%"))
    started = used.create_time if used else None
    uptime = output.DASH if started is None else str(timedelta(seconds=time.time() - started))
    output.section("Uptime", uptime)
    output.line()
