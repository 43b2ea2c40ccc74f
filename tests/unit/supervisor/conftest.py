from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from joule.config.module_conf import ModuleConf
from joule.config.pipe_spec import PipeSpec
from joule.errors import NotFoundError
from joule.node import LocalNode
from joule.storage.memory import MemoryEngine
from joule.supervisor import Supervisor, Timing
from joule.supervisor.policy import Backoff
from tests.unit.supervisor.scripts import exec_cmd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from joule.models.streams import DataStream

QUICK = Timing(Backoff(0.05, 0.1), stop_s=2.0)


class Bench:
    """A node in memory, and supervisors to try on it."""

    def __init__(self, node: LocalNode, folder: Path) -> None:
        self.node = node
        self.folder = folder

    def supervisor(self, *modules: ModuleConf, **settings: Any) -> Supervisor:
        return Supervisor(
            self.node,
            modules,
            socket_dir=self.folder,
            api_socket=self.folder / "api",
            **{"timing": QUICK, **settings},
        )

    @contextlib.asynccontextmanager
    async def running(self, *modules: ModuleConf, **settings: Any) -> AsyncIterator[Supervisor]:
        supervisor = self.supervisor(*modules, **settings)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(supervisor.run())
            try:
                yield supervisor
            finally:
                await supervisor.stop()

    def stream(self, path: str) -> DataStream:
        return self.node.catalog.data_stream(path)

    async def rows(self, path: str) -> list[list[tuple[int, float]]]:
        """All rows of a stream with one element, interval by interval."""
        intervals: list[list[tuple[int, float]]] = []
        reading = await self.node.data.read(self.stream(path))
        async for block in reading.blocks:
            if block.starts_interval or not intervals:
                intervals.append([])
            intervals[-1] += [(int(r["timestamp"]), r["data"][0].item()) for r in block.rows]
        return [interval for interval in intervals if interval]

    async def until_rows(self, path: str, count: int) -> list[list[tuple[int, float]]]:
        """Wait until a stream has at least so many rows, and give them."""
        await self.until_count(path, count)
        return await self.rows(path)

    async def until_count(self, path: str, count: int) -> None:
        """Wait until a stream exists and has at least so many rows."""
        while await self._count(path) < count:  # noqa: ASYNC110 - rows are not announced
            await asyncio.sleep(0.01)

    async def _count(self, path: str) -> int:
        try:
            return (await self.node.data.info(self.stream(path))).rows
        except NotFoundError:
            return 0


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    while not condition():  # noqa: ASYNC110 - a process's state is not announced
        await asyncio.sleep(0.01)


def module(
    name: str,
    code: str,
    *,
    inputs: dict[str, str] | None = None,
    outputs: dict[str, str] | None = None,
    **options: Any,
) -> ModuleConf:
    return ModuleConf(
        name,
        exec_cmd(code),
        inputs={key: PipeSpec.parse(spec) for key, spec in (inputs or {}).items()},
        outputs={key: PipeSpec.parse(spec) for key, spec in (outputs or {}).items()},
        **options,
    )


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with MemoryEngine() as engine:
        node = await LocalNode.open(engine, "test")
        async with asyncio.TaskGroup() as group:
            services = group.create_task(node.run())
            yield Bench(node, tmp_path)
            services.cancel()
        await node.close()
