"""Modules made of other modules that run in one process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from joule.client.base_module import BaseModule

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Mapping, Sequence

    from joule.models.pipes import Pipe


class CompositeModule(BaseModule):
    """Several modules as one process, connected by :class:`joule.models.pipes.LocalPipe`.

    The parts are other modules' ``run``, called with a namespace that holds all their arguments.
    """

    async def setup(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> Sequence[Awaitable[object]]:
        """Give the coroutines that run together; must be overridden."""
        raise NotImplementedError("a composite module must have a setup method")

    async def process(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Set up and run all parts until each has ended; the first failure ends the others."""
        self.make_app()
        parts = await self.setup(parsed_args, inputs, outputs)
        await self.serve()
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    group.create_task(self.finish(part))
        except BaseExceptionGroup as failure:
            if len(failure.exceptions) == 1:
                raise failure.exceptions[0] from None
            raise

    async def run_alone(self, parsed_args: argparse.Namespace) -> None:
        """Run over the streams of a module file."""
        from joule.client.standalone.runs import with_network_pipes

        await with_network_pipes(self, parsed_args)
