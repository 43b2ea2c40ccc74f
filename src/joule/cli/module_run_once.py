"""One process of a module, fed with a range of stored data, what it writes stored.

To the module it looks as if a node had started it: pipes, a socket of the node, its arguments.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joule.cli import output
from joule.cli.module_run_door import open_door
from joule.cli.module_run_pipes import Drain, Feed
from joule.cli.module_run_process import end, started, work_s
from joule.client.standalone.network_pipes import open_network_pipes
from joule.client.standalone.progress import watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.api import Node
    from joule.client.standalone.network_pipes import NetworkPipes, Place, Streams
    from joule.models.intervals import Interval
    from joule.models.modules import ModuleConfiguration

_IDLE_S = 3.0
"""So long a module that has read everything may neither write nor work."""

_IDLE_SHARE = 0.05
"""Of a processor: more than this is work, less is looking whether there is any."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The pipes between a module and the streams, by name."""

    feeds: dict[str, Feed]
    drains: dict[str, Drain]

    @classmethod
    def make(cls, pipes: NetworkPipes, stack: AsyncExitStack) -> Connections:
        """Connect the streams' pipes to new ones for the module; ``stack`` closes those."""
        feeds = {name: Feed(pipe) for name, pipe in pipes.inputs.items()}
        drains = {name: Drain(pipe) for name, pipe in pipes.outputs.items()}
        for connection in (*feeds.values(), *drains.values()):
            stack.callback(connection.close)
        return cls(feeds, drains)

    @property
    def written(self) -> int:
        """The number of rows that the module has written."""
        return sum(drain.rows for drain in self.drains.values())

    @property
    def fds(self) -> list[int]:
        """The module's ends."""
        return [each.child_fd for each in (*self.feeds.values(), *self.drains.values())]

    def described(self, streams: Streams) -> str:
        """Give the ``--pipes`` argument: JSON in a string, as JSON."""
        sides = {
            "inputs": _ends(self.feeds, streams.inputs),
            "outputs": _ends(self.drains, streams.outputs),
        }
        return json.dumps(json.dumps(sides))

    def summary(self) -> str:
        """Say how many rows went through each pipe."""
        both = [*self.feeds.items(), *self.drains.items()]
        return ", ".join(f"{name} {each.rows} rows" for name, each in both)


def _ends(
    connections: Mapping[str, Feed] | Mapping[str, Drain], places: Mapping[str, Place]
) -> dict[str, Any]:
    return {
        name: {
            "fd": each.child_fd,
            "id": places[name].stream.id if places[name].is_local else None,
            "layout": places[name].stream.layout,
        }
        for name, each in connections.items()
    }


async def run_once(
    node: Node, module: ModuleConfiguration, streams: Streams, span: Interval
) -> str:
    """Run the module over a range and say what went through its pipes.

    ``ClickException`` when it fails or does not read everything. When it is cancelled the module is
    ended, and what it wrote until then is stored.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="joule-")))
        await stack.enter_async_context(open_door(node, folder / "api"))
        pipes = await open_network_pipes(streams, stack, live=False, start=span.start, end=span.end)
        connections = Connections.make(pipes, stack)
        command = [
            *shlex.split(module.exec_cmd),
            *("--pipes", connections.described(streams)),
            *("--api-socket", str(folder / "api")),
            *(word for name, value in module.arguments.items() for word in (f"--{name}", value)),
        ]
        with output.progress(module.name, span.end - span.start) as bar:
            watch(pipes.inputs, span, bar)
            await _run(module.name, command, connections)
        return connections.summary()


async def _run(name: str, command: list[str], connections: Connections) -> None:
    async with started(command, connections.fds) as process:
        for drain in connections.drains.values():
            drain.let_go()
        try:
            async with asyncio.TaskGroup() as group:
                for drain in connections.drains.values():
                    group.create_task(drain.carry())
                for feed in connections.feeds.values():
                    group.create_task(feed.carry())
                status = await _status_of(process, connections)
                unread = [pipe for pipe, feed in connections.feeds.items() if not feed.is_read]
                for feed in connections.feeds.values():
                    feed.let_go()
        except BaseExceptionGroup as failure:
            raise failure.exceptions[0] from None
    if status:
        raise click.ClickException(f"module [{name}] ended with {_status(status)}")
    if unread:
        pipes = ", ".join(unread)
        raise click.ClickException(f"module [{name}] ended before it had read all of [{pipes}]")


async def _status_of(process: asyncio.subprocess.Process, connections: Connections) -> int:
    """Wait until the module ends, or has read everything and does nothing any more.

    Some modules wait for ever when their inputs have ended; they are asked to stop then.
    """
    done = -1, 0.0
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_S):
                return await process.wait()
        before, done = done, (connections.written, work_s(process))
        is_idle = done[0] == before[0] and done[1] - before[1] < _IDLE_S * _IDLE_SHARE
        if is_idle and all(feed.is_read for feed in connections.feeds.values()):
            await end(process)
            return 0


def _status(status: int) -> str:
    return f"status {status}" if status > 0 else f"signal {signal.Signals(-status).name}"
