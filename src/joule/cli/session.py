"""The node a command talks to, and the event loop in which it does."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

import joule
from joule.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from joule.api import Node

P = ParamSpec("P")
T = TypeVar("T")


async def _contact(name: str, work: Callable[[Node], Coroutine[Any, Any, T]]) -> T:
    node = joule.api.get_node(name)
    output.note(f"--connecting to [{node.name}]--")
    try:
        return await work(node)
    finally:
        await node.close()


def on_node(
    command: Callable[Concatenate[Node, P], Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """Make a click callback of a coroutine function whose first argument is the node.

    The node is the one of ``joule --node``, the user's default node without it; it is closed when
    the command ends.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        name = click.get_current_context().find_object(str) or ""
        asyncio.run(_contact(name, lambda node: command(node, *args, **kwargs)))

    return run
