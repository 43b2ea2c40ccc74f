"""One process and the pipes to it, from its start until its last row and line are taken in."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from joule.supervisor.pipes import PIPE_BYTES_MIN, OsPipe, PipeSink, PipeSource
from joule.supervisor.process import PipeEnd, kill, pipes_argument, terminate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.supervisor.flows import InputFlow, OutputFlow
    from joule.supervisor.log import ModuleLog

E = TypeVar("E", PipeSource, PipeSink)


class Connections:
    """The pipes of one process; a context manager that closes every end it still has."""

    def __init__(
        self,
        inputs: Mapping[str, InputFlow],
        outputs: Mapping[str, OutputFlow],
        size_bytes: int,
    ) -> None:
        self._flows = (inputs, outputs)
        self._size_bytes = size_bytes
        self._stack = ExitStack()

    def __enter__(self) -> Connections:
        inputs, outputs = self._flows
        with ExitStack() as stack:
            self._stack = stack
            # Small: what a module prints in one go is looked at line by line in one go.
            self._log = self._open(PIPE_BYTES_MIN)
            size = self._size_bytes
            self._inputs = {name: (flow, self._open(size)) for name, flow in inputs.items()}
            self._outputs = {name: (flow, self._open(size)) for name, flow in outputs.items()}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _open(self, size_bytes: int) -> OsPipe:
        pipe = OsPipe.open(size_bytes)
        self._stack.callback(pipe.close)
        return pipe

    @property
    def argument(self) -> str:
        """What the process is told about its ends."""
        return pipes_argument(
            {n: _end(flow, pipe.read_fd) for n, (flow, pipe) in self._inputs.items()},
            {n: _end(flow, pipe.write_fd) for n, (flow, pipe) in self._outputs.items()},
        )

    @property
    def fds(self) -> list[int]:
        """The descriptors that the process inherits for its rows."""
        reads = [pipe.read_fd for _, pipe in self._inputs.values()]
        return reads + [pipe.write_fd for _, pipe in self._outputs.values()]

    @property
    def log_fd(self) -> int:
        """Where the process prints to."""
        return self._log.write_fd

    def hand_over(self) -> None:
        """Close the ends that the process has now, so that its end is seen at ours."""
        self._log.close_write()
        for _, pipe in self._inputs.values():
            pipe.close_read()
        for _, pipe in self._outputs.values():
            pipe.close_write()

    def log_source(self) -> PipeSource:
        """Our end of what it prints."""
        return self._own(PipeSource(self._log.take_read()))

    def sources(self) -> list[tuple[OutputFlow, PipeSource]]:
        """Our ends of its outputs."""
        return [(f, self._own(PipeSource(p.take_read()))) for f, p in self._outputs.values()]

    def sinks(self) -> list[tuple[InputFlow, PipeSink]]:
        """Our ends of its inputs."""
        return [(f, self._own(PipeSink(p.take_write()))) for f, p in self._inputs.values()]

    def _own(self, end: E) -> E:
        self._stack.callback(end.close)
        return end


def _end(flow: InputFlow | OutputFlow, fd: int) -> PipeEnd:
    return PipeEnd(fd, flow.stream_id, flow.layout)


class Session:
    """A running process and the flows to and from it."""

    def __init__(
        self, process: asyncio.subprocess.Process, connections: Connections, log: ModuleLog
    ) -> None:
        self._process = process
        self._connections = connections
        self._log = log

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int:
        """How it ended, negative for a signal; right once it has."""
        return self._process.returncode or 0

    async def run(self, stopping: asyncio.Event, grace_s: float) -> bool:
        """Attend to the process until it ends, by itself or because ``stopping`` was set.

        On return it is reaped, nothing of its process group is left, and everything it wrote is
        accepted or reported in the log. Gives False when it had to be killed. Cancelling ends the
        process in the same way first.
        """
        try:
            return await self._run(stopping, grace_s)
        finally:
            if self._process.returncode is None:
                await terminate(self._process, grace_s)

    async def _run(self, stopping: asyncio.Event, grace_s: float) -> bool:
        connections = self._connections
        connections.hand_over()
        sources = connections.sources()
        log_source = connections.log_source()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._log.follow(log_source))
            for output, source in sources:
                group.create_task(output.pump(source))
            feeds = [group.create_task(f.pump(sink)) for f, sink in connections.sinks()]
            in_time = await self._ended(stopping, grace_s)
            for feed in feeds:
                feed.cancel()
            for _, source in sources:
                source.finish()
            log_source.finish()
        return in_time

    async def _ended(self, stopping: asyncio.Event, grace_s: float) -> bool:
        async with asyncio.TaskGroup() as group:
            exit_task = group.create_task(self._process.wait())
            stop_task = group.create_task(stopping.wait())
            await asyncio.wait({exit_task, stop_task}, return_when=asyncio.FIRST_COMPLETED)
            stop_task.cancel()
            if not exit_task.done():
                return await terminate(self._process, grace_s)
        kill(self._process)
        return True
