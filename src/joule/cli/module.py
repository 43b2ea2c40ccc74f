"""``joule module``: what the modules of a node do and say."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.session import on_node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.api import Module, ModuleStatistics, Node


@click.group("module")
def group() -> None:
    """Look at the modules of a node."""


@group.command("list")
@click.option("-s", "--statistics", is_flag=True, help="Show processor and memory use.")
@on_node
async def list_modules(node: Node, statistics: bool) -> None:
    """List the modules, their state and their streams."""
    modules = await node.module_list(statistics=statistics)
    has_state = any(module.state for module in modules)  # nodes before 2.0 do not tell it
    headers = ["Name", "Inputs", "Outputs", *(["State"] if has_state else [])]
    headers += ["CPU %", "Mem %"] if statistics else []
    rows = [_row(module, has_state=has_state, statistics=statistics) for module in modules]
    output.table(headers, rows)


def _row(module: Module, *, has_state: bool, statistics: bool) -> list[str]:
    row = [module.name, "\n".join(module.inputs.values()), "\n".join(module.outputs.values())]
    if has_state:
        row.append(module.state)
    if statistics:
        used = module.statistics
        row.append(_number(used.cpu_percent if used else None, ".1f"))
        row.append(_number(used.memory_percent if used else None, ".1f"))
    return row


def _number(value: float | None, style: str, unit: str = "") -> str:
    return output.DASH if value is None else f"{value:{style}}{unit}"


@group.command("info")
@click.argument("name")
@on_node
async def info(node: Node, name: str) -> None:
    """Show a module's streams and the resources it uses."""
    module = await node.module_get(name, statistics=True)
    output.line()
    if module.is_app:
        output.line("This module is a Data App")
    _section("Name", module.name)
    if module.description:
        _section("Description", module.description)
    if module.state:
        _section("State", module.state)
    _section("Inputs", *_pipes(module.inputs))
    _section("Outputs", *_pipes(module.outputs))
    _usage(module.statistics)


def _section(label: str, *values: str) -> None:
    output.line(f"{label}:")
    for value in values:
        output.line(f"\t{value}")


def _pipes(pipes: Mapping[str, str]) -> list[str]:
    return [f"{name}: {path}" for name, path in pipes.items()] or ["--none--"]


def _usage(used: ModuleStatistics | None) -> None:
    _section("CPU Usage", _number(used.cpu_percent if used else None, ".2f", "%"))
    _section("Memory Usage", _number(used.memory_percent if used else None, ".2f", "%"))
    started = used.create_time if used else None
    uptime = output.DASH if started is None else str(timedelta(seconds=time.time() - started))
    _section("Uptime", uptime)


@group.command("logs")
@click.argument("name")
@on_node
async def logs(node: Node, name: str) -> None:
    """Print what a module wrote lately."""
    for entry in await node.module_logs(name):
        output.line(entry)
