"""Modules that make data: one output, no inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.arguments import UNSET
from joule.client.base_module import BaseModule
from joule.client.terminal_pipe import TerminalPipe
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from aiohttp import web

    from joule.models.pipes import Pipe


class ReaderModule(BaseModule):
    """A module with a single output and no inputs, a sensor driver for example.

    Run by hand without ``--module_config`` it prints its rows to the terminal; no node is needed.
    """

    async def setup(
        self, parsed_args: argparse.Namespace, app: web.Application | None, output: Pipe
    ) -> None:
        """Prepare what :meth:`run` needs; ``app`` is None without routes. Optional."""

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        """Write rows to ``output`` until ``self.stop_requested``; must be overridden."""
        raise NotImplementedError("a reader module must have a run method")

    async def process(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Set up and run over one output."""
        if len(outputs) != 1:
            raise ConfigurationError("Reader module must have a single output")
        (output,) = outputs.values()
        await self.setup(parsed_args, self.make_app(), output)
        await self.serve()
        await self.finish(self.run(parsed_args, output))

    async def run_alone(self, parsed_args: argparse.Namespace) -> None:
        """Write to the streams of a module file, or to the terminal without one."""
        if parsed_args.module_config == UNSET:
            async with TerminalPipe() as output:
                self.pipes = [output]
                await self.process(parsed_args, {}, {"output": output})
        else:
            from joule.client.standalone.runs import with_network_pipes

            await with_network_pipes(self, parsed_args)
