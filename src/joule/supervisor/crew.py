"""The modules of a node at this moment: found, told, and exchanged when their files change."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from joule.errors import NotFoundError
from joule.supervisor.log import ModuleLog
from joule.supervisor.pipes import pipe_bytes
from joule.supervisor.policy import Phase
from joule.supervisor.reloading import Plan, file_key, plan_reload
from joule.supervisor.worker import Order, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from joule.config.module_conf import ModuleConf
    from joule.supervisor.log_files import LogKeeper
    from joule.supervisor.worker import Surroundings


class Crew:
    """Workers in the order of their files. A module keeps its number for as long as its file is.

    ``keeper`` stores their logs; ``echo`` gets each line, with the name of the module.
    """

    def __init__(
        self,
        max_log_lines: int,
        echo: Callable[[str, str], None] | None,
        keeper: LogKeeper | None,
    ) -> None:
        self.workers: list[Worker] = []
        self._max_log_lines = max_log_lines
        self._echo = echo
        self._keeper = keeper
        self._next_number = 0

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.workers)

    def find(self, spec: str | int) -> Worker:
        """One module by name or id; ``NotFoundError`` when there is none."""
        for worker in self.workers:
            if spec in (worker.number, worker.conf.name):
                return worker
        raise NotFoundError("module does not exist")

    def pipe_bytes(self) -> int:
        """How large their pipes may be."""
        confs = [worker.conf for worker in self.workers]
        return pipe_bytes(sum(1 + len(conf.inputs) + len(conf.outputs) for conf in confs))

    def recruit(
        self, conf: ModuleConf, around: Surroundings, before: Worker | None = None
    ) -> Worker:
        """Make the worker of a module; it takes number and log of the one ``before`` it."""
        if before is None:
            number, self._next_number = self._next_number, self._next_number + 1
        else:
            number = before.number
        if before is not None and before.conf.name == conf.name:
            return Worker(number, conf, before.log, around)
        echo = None if self._echo is None else partial(self._echo, conf.name)
        return Worker(number, conf, ModuleLog(self._max_log_lines, echo), around)

    async def open_logs(self, workers: Iterable[Worker]) -> None:
        """Bring back what they printed in an earlier life of the node."""
        if self._keeper is None:
            return
        for worker in workers:
            if worker.conf.file is not None:
                await self._keeper.keep(worker.conf.file.stem, worker.log)
        await self._keeper.tidy()

    async def exchange(
        self, read: Sequence[ModuleConf], kept: Collection[Path], around: Surroundings
    ) -> tuple[Plan, list[Worker]]:
        """Let those leave whose files have changed, and give the plan and those that come.

        The new ones have their streams, or know why not, and are to be run by the caller.
        """
        there = {file_key(worker.conf): worker for worker in self.workers}
        failed = [key for key, worker in there.items() if worker.phase is Phase.FAILED]
        plan = plan_reload([worker.conf for worker in self.workers], read, kept, failed)
        await tell([there[key] for key in plan.leaving], Order.LEAVE)
        fresh = {}
        for conf in plan.coming:
            key = file_key(conf)
            fresh[key] = self.recruit(conf, around, there.get(key))
        await self._exchange_logs([there[key] for key in plan.leaving], list(fresh.values()))
        there |= fresh
        self.workers = [there[key] for key in plan.order]
        await connect(fresh.values())
        return plan, list(fresh.values())

    async def _exchange_logs(self, leaving: list[Worker], coming: list[Worker]) -> None:
        lasting = {worker.log for worker in coming}
        known = {worker.log for worker in leaving}
        if self._keeper is not None:
            for worker in leaving:
                if worker.log not in lasting:
                    await self._keeper.forget(worker.log)
        await self.open_logs(worker for worker in coming if worker.log not in known)


async def connect(workers: Iterable[Worker]) -> None:
    """Find or create the streams of modules and claim those that they produce.

    All outputs come before any input, so that the order of the modules does not matter.
    """
    workers = list(workers)
    for worker in workers:
        await worker.claim_outputs()
    for worker in workers:
        if worker.phase is not Phase.FAILED:
            await worker.find_inputs()


async def tell(workers: Sequence[Worker], order: Order) -> None:
    """Give all an order; returns when it is carried out, side by side."""
    for worker in workers:
        worker.order(order)
    await asyncio.gather(*(worker.settled() for worker in workers))
