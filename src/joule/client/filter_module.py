"""Modules that make data out of other data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.base_module import BaseModule

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from aiohttp import web

    from joule.models.pipes import Pipe


class FilterModule(BaseModule):
    """A module with any number of inputs and outputs, known by their names.

    Run by hand with ``--module_config`` it works on live data (``--live``) or on whatever stored
    input has no output yet; then ``setup`` and ``run`` are called once for each such range.
    """

    async def setup(
        self,
        parsed_args: argparse.Namespace,
        app: web.Application | None,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Prepare what :meth:`run` needs; ``app`` is None without routes. Optional."""

    async def run(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Read inputs and write outputs until the inputs end; must be overridden."""
        raise NotImplementedError("a filter module must have a run method")

    async def process(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Set up and run over one set of pipes."""
        await self.setup(parsed_args, self.make_app(), inputs, outputs)
        await self.serve()
        await self.finish(self.run(parsed_args, inputs, outputs))

    async def run_alone(self, parsed_args: argparse.Namespace) -> None:
        """Run over the streams of a module file, live or over what is not filtered yet."""
        from joule.client.standalone.runs import with_missing_ranges, with_network_pipes

        if parsed_args.live:
            await with_network_pipes(self, parsed_args)
        else:
            await with_missing_ranges(self, parsed_args)
