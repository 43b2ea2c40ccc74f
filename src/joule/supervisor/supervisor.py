"""All modules of a node: what streams they get, that they run, and what is known about them."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError, JouleError, NotFoundError
from joule.models.modules import ModuleStatistics
from joule.supervisor.flows import InputFlow, OutputFlow
from joule.supervisor.log import ModuleLog
from joule.supervisor.orphans import OrphanGuard
from joule.supervisor.pipes import pipe_bytes
from joule.supervisor.policy import Phase
from joule.supervisor.statistics import measure
from joule.supervisor.worker import Surroundings, Timing, Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from joule.config.module_conf import ModuleConf
    from joule.config.pipe_spec import PipeSpec
    from joule.models.modules import Module
    from joule.models.streams import DataStream
    from joule.node import LocalNode


class Supervisor:
    """Runs modules against a node.

    :meth:`prepare` claims the streams that the modules produce, :meth:`run` runs the modules until
    :meth:`stop`. A module that cannot have its streams stays in the list as ``failed to load``
    with the reason in its log.
    """

    def __init__(
        self,
        node: LocalNode,
        modules: Sequence[ModuleConf],
        *,
        socket_dir: Path,
        api_socket: Path,
        max_log_lines: int = 100,
        echo: Callable[[str, str], None] | None = None,
        environment: Mapping[str, str] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._node = node
        self._guard = OrphanGuard()
        pipes = sum(1 + len(conf.inputs) + len(conf.outputs) for conf in modules)
        surroundings = Surroundings(
            api_socket=api_socket,
            socket_dir=socket_dir,
            environment=_environment(environment, self._guard),
            ready=self._guard.ready,
            pipe_bytes=pipe_bytes(pipes),
            timing=timing or Timing(),
        )
        self._workers = [
            Worker(number, conf, ModuleLog(max_log_lines, _echo_of(echo, conf)), surroundings)
            for number, conf in enumerate(modules)
        ]
        self._is_prepared = False
        self._stopping = asyncio.Event()
        self._finished: asyncio.Event | None = None

    # ------------------------------------------------------------------ what is known

    def modules(self) -> list[Module]:
        """All modules in load order, without statistics."""
        return [worker.describe() for worker in self._workers]

    def module(self, spec: str | int) -> Module:
        """One module by name or id, without statistics; ``NotFoundError`` when there is none."""
        return self._worker(spec).describe()

    def logs(self, spec: str | int) -> list[str]:
        """The last lines of a module's log, oldest first; ``NotFoundError`` as above."""
        return self._worker(spec).log.lines

    async def statistics(self, spec: str | int | None = None) -> dict[int, ModuleStatistics]:
        """Resources by module id, of one module or of all, from one short common sample.

        Empty statistics for a module that has no process. ``NotFoundError`` as above.
        """
        workers = self._workers if spec is None else [self._worker(spec)]
        pids = {worker.number: worker.pid for worker in workers}
        measured = await measure(pid for pid in pids.values() if pid is not None)
        nothing = ModuleStatistics()
        return {
            number: nothing if pid is None else measured.get(pid, nothing)
            for number, pid in pids.items()
        }

    def _worker(self, spec: str | int) -> Worker:
        if isinstance(spec, int):
            if 0 <= spec < len(self._workers):
                return self._workers[spec]
        else:
            for worker in self._workers:
                if worker.conf.name == spec:
                    return worker
        raise NotFoundError("module does not exist")

    # ------------------------------------------------------------------ running them

    async def prepare(self) -> None:
        """Find or create the streams of all modules and claim those that they produce; once.

        All outputs come before any input, so that the order of the modules does not matter.
        """
        if self._is_prepared:
            return
        self._is_prepared = True
        for worker in self._workers:
            if worker.conf.fault is not None:
                worker.refuse(worker.conf.fault)
        for worker in self._loadable():
            await self._connect(worker, "Output", worker.conf.outputs, self._add_output)
        for worker in self._loadable():
            await self._connect(worker, "Input", worker.conf.inputs, self._add_input)
        for worker in self._loadable():
            for flow in worker.inputs.values():
                flow.stream.is_source = True

    async def run(self) -> None:
        """Run the modules until :meth:`stop` is called, or cancelled.

        On return no process is left and everything the modules wrote is durable.
        """
        self._finished = asyncio.Event()
        try:
            await self.prepare()
            await self._run_guarded()
        finally:
            await self._close()
            self._finished.set()

    async def stop(self) -> None:
        """Stop all modules, side by side, and wait for :meth:`run` to finish; idempotent.

        Before :meth:`run` it only keeps the modules from being started.
        """
        self._stopping.set()
        for worker in self._workers:
            worker.request_stop()
        if self._finished is not None:
            await self._finished.wait()

    async def _run_guarded(self) -> None:
        async with asyncio.TaskGroup() as group:
            guard = group.create_task(self._guard.run())
            try:
                await self._run_workers()
            finally:
                guard.cancel()

    async def _run_workers(self) -> None:
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.run(), name=f"module {worker.conf.name}")
            await self._stopping.wait()

    async def _close(self) -> None:
        """Make everything durable, all streams of all modules at once."""
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.close())

    # ------------------------------------------------------------------ their streams

    def _loadable(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.phase is not Phase.FAILED]

    async def _connect(
        self,
        worker: Worker,
        kind: str,
        specs: Mapping[str, PipeSpec],
        add: Callable[[Worker, str, DataStream], Awaitable[None]],
    ) -> None:
        for name, spec in specs.items():
            try:
                await add(worker, name, await self._stream(spec))
            except JouleError as error:
                worker.refuse(f"{kind} [{name}={spec}]: {error}")
                await worker.close()
                return

    async def _stream(self, spec: PipeSpec) -> DataStream:
        if spec.node is not None:
            raise ConfigurationError(f"Remote node [{spec.node}] is not a follower")
        return await self._node.catalog.ensure_data_stream(spec)

    async def _add_output(self, worker: Worker, name: str, stream: DataStream) -> None:
        writer = await self._node.data.open_writer(stream)
        path = self._node.catalog.path_of(stream)
        worker.outputs[name] = OutputFlow(path, stream, writer, worker.log)

    async def _add_input(self, worker: Worker, name: str, stream: DataStream) -> None:
        path = self._node.catalog.path_of(stream)
        worker.inputs[name] = InputFlow(path, stream, self._node.data, worker.log)


def _environment(given: Mapping[str, str] | None, guard: OrphanGuard) -> dict[str, str]:
    return {
        **(os.environ if given is None else given),
        "PYTHONUNBUFFERED": "1",
        **guard.environment,
    }


def _echo_of(
    echo: Callable[[str, str], None] | None, conf: ModuleConf
) -> Callable[[str], None] | None:
    return None if echo is None else partial(echo, conf.name)
