"""All modules of a node: that they run, what they are told, and what is known about them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from joule.models.modules import ModuleStatistics, ReloadReport
from joule.supervisor.crew import Crew, connect, tell
from joule.supervisor.describing import configuration_of, described
from joule.supervisor.log_files import LogKeeper
from joule.supervisor.orphans import OrphanGuard
from joule.supervisor.statistics import measure
from joule.supervisor.wiring import Wiring
from joule.supervisor.worker import Order, Surroundings, Timing, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from joule.config.module_conf import ModuleConf
    from joule.models.modules import Module, ModuleConfiguration
    from joule.node import LocalNode
    from joule.supervisor.remote import RemoteStreams


class Supervisor:
    """Runs modules against a node.

    :meth:`prepare` claims the streams that the modules produce, :meth:`run` runs the modules until
    :meth:`stop`. A module that cannot have its streams stays in the list as ``failed to load``
    with the reason. With ``log_dir`` the last lines of the modules survive the node. ``remote``
    knows the streams of other nodes.
    """

    def __init__(
        self,
        node: LocalNode,
        modules: Sequence[ModuleConf],
        *,
        socket_dir: Path,
        api_socket: Path,
        log_dir: Path | None = None,
        max_log_lines: int = 100,
        echo: Callable[[str, str], None] | None = None,
        environment: Mapping[str, str] | None = None,
        timing: Timing | None = None,
        remote: RemoteStreams | None = None,
    ) -> None:
        self._guard = OrphanGuard()
        self._keeper = None if log_dir is None else LogKeeper(log_dir, max_log_lines)
        self._crew = Crew(max_log_lines, echo, self._keeper)
        self._surroundings = Surroundings(
            wiring=Wiring(node, remote),
            api_socket=api_socket,
            socket_dir=socket_dir,
            environment=_environment(environment, self._guard),
            ready=self._guard.ready,
            pipe_bytes=self._crew.pipe_bytes,
            timing=timing or Timing(),
        )
        self._crew.workers = [self._crew.recruit(conf, self._surroundings) for conf in modules]
        self._is_prepared = False
        self._one_at_a_time = asyncio.Lock()
        self._began = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._stopping = asyncio.Event()
        self._finished: asyncio.Event | None = None

    # ------------------------------------------------------------------ what is known

    def modules(self) -> list[Module]:
        """All modules in the order of their files, without statistics."""
        return [described(worker) for worker in self._crew]

    def module(self, spec: str | int) -> Module:
        """One module by name or id, without statistics; ``NotFoundError`` when there is none."""
        return described(self._crew.find(spec))

    def logs(self, spec: str | int) -> list[str]:
        """The last lines of a module's log, oldest first; ``NotFoundError`` as above."""
        return self._crew.find(spec).log.lines

    def log_tail(self, spec: str | int) -> AsyncIterator[list[str]]:
        """The same lines and then new ones as they come; ``NotFoundError`` as above."""
        return self._crew.find(spec).log.tail()

    def configuration(self, spec: str | int) -> ModuleConfiguration:
        """What the file of a module says; ``NotFoundError`` as above."""
        return configuration_of(self._crew.find(spec).conf)

    def follows(self, conf: ModuleConf) -> bool:
        """Whether there is a module that is as this reading of its file says."""
        return any(worker.conf == conf for worker in self._crew)

    async def statistics(self, spec: str | int | None = None) -> dict[int, ModuleStatistics]:
        """Resources by module id, of one module or of all, from one short common sample.

        Empty statistics for a module that has no process. ``NotFoundError`` as above.
        """
        workers = self._crew.workers if spec is None else [self._crew.find(spec)]
        pids = {worker.number: worker.pid for worker in workers}
        measured = await measure(pid for pid in pids.values() if pid is not None)
        nothing = ModuleStatistics()
        return {
            number: nothing if pid is None else measured.get(pid, nothing)
            for number, pid in pids.items()
        }

    # ------------------------------------------------------------------ what they are told

    async def start_module(self, spec: str | int) -> Module:
        """Start a module that does not run, a failed one too; ``NotFoundError`` as above.

        Gives the module once it runs, or it is known why not.
        """
        return await self._tell(spec, Order.START)

    async def stop_module(self, spec: str | int) -> Module:
        """End a module and give its streams free, until it is started; ``NotFoundError`` as above.

        What it has written is durable then.
        """
        return await self._tell(spec, Order.STOP)

    async def restart_module(self, spec: str | int) -> Module:
        """End a module and start it at once; what it has not read yet goes to the new process."""
        return await self._tell(spec, Order.RESTART)

    async def _tell(self, spec: str | int, order: Order) -> Module:
        worker = self._crew.find(spec)
        worker.order(order)
        await worker.settled()
        return described(worker)

    async def reload(
        self, modules: Sequence[ModuleConf], kept: Collection[Path] = ()
    ) -> ReloadReport:
        """Make the modules those of a new reading of their files, and say what has changed.

        Only modules whose files have changed are stopped and started; those of the files ``kept``
        stay as they are. Modules that had failed to load are tried again. Returns when all have
        started, or it is known why not.
        """
        async with self._one_at_a_time:
            await self._began.wait()
            if self._group is None:
                return ReloadReport()  # the node stops
            plan, fresh = await self._crew.exchange(modules, kept, self._surroundings)
            for worker in fresh:
                self._employ(worker, self._group)
            await tell(fresh, Order.START)
            return ReloadReport(plan.added, plan.changed, plan.removed)

    def _employ(self, worker: Worker, group: asyncio.TaskGroup) -> None:
        group.create_task(worker.run(), name=f"module {worker.conf.name}")

    # ------------------------------------------------------------------ running them

    async def prepare(self) -> None:
        """Find or create the streams of all modules and claim those that they produce; once."""
        if self._is_prepared:
            return
        self._is_prepared = True
        await self._crew.open_logs(self._crew)
        await connect(self._crew)

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
        for worker in self._crew:
            worker.order(Order.LEAVE)
        if self._finished is not None:
            await self._finished.wait()

    async def _run_guarded(self) -> None:
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(self._guard.run())]
            if self._keeper is not None:
                helpers.append(group.create_task(self._keeper.run()))
            try:
                await self._run_workers()
            finally:
                for helper in helpers:
                    helper.cancel()

    async def _run_workers(self) -> None:
        async with asyncio.TaskGroup() as group:
            for worker in self._crew:
                self._employ(worker, group)
            self._group = group
            self._began.set()
            try:
                await self._stopping.wait()
                async with self._one_at_a_time:
                    self._group = None
                    await tell(self._crew.workers, Order.LEAVE)
            finally:
                self._group = None

    async def _close(self) -> None:
        """Make everything durable, all streams of all modules at once."""
        self._began.set()
        async with asyncio.TaskGroup() as group:
            for worker in self._crew:
                group.create_task(worker.close())


def _environment(given: Mapping[str, str] | None, guard: OrphanGuard) -> dict[str, str]:
    return {
        **(os.environ if given is None else given),
        "PYTHONUNBUFFERED": "1",
        **guard.environment,
    }
