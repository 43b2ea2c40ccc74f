"""``joule module start``, ``stop`` and ``restart``, and how a module is after that."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Module, Node

_WIDTH = 48


@click.command("start")
@click.argument("name")
@on_node
async def start(node: Node, name: str) -> None:
    """Start a module that was stopped or failed to load."""
    _show(await node.module_start(name), "running")


@click.command("stop")
@click.argument("name")
@on_node
async def stop(node: Node, name: str) -> None:
    """Stop a module until it is started again, or the node is."""
    _show(await node.module_stop(name), "stopped")


@click.command("restart")
@click.argument("name")
@on_node
async def restart(node: Node, name: str) -> None:
    """Stop a module and start it at once."""
    _show(await node.module_restart(name), "running")


def _show(module: Module, expected: str) -> None:
    text = f"{module.name}: {module.state}"
    if module.state != expected:
        raise click.ClickException(f"{text}, {module.reason}" if module.reason else text)
    output.line(text)


def state_lines(module: Module) -> list[str]:
    """Give the state of a module and, if it does not run, why."""
    return [module.state, *textwrap.wrap(module.reason, _WIDTH)]
