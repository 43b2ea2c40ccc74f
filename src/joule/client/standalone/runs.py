"""How a module is run by hand: once, live or over a range, or over every range that is missing."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from joule.client.arguments import UNSET
from joule.client.console import confirm, say
from joule.client.standalone import progress
from joule.client.standalone.files import read_module_config, read_stream_configs
from joule.client.standalone.network_pipes import Streams, open_network_pipes
from joule.client.standalone.ranges import behind_outputs, common, missing
from joule.client.standalone.time_bounds import describe, time_bounds
from joule.errors import ConfigurationError
from joule.models.intervals import Interval

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    from joule.client.base_module import BaseModule


async def with_network_pipes(module: BaseModule, args: argparse.Namespace) -> None:
    """Run once over the streams of the module file: live, or over the range that is given.

    A range is replaced in the outputs, after asking; leaves with status 1 when that is refused.
    """
    start, end = time_bounds(args)
    async with _streams(module, args) as streams:
        start = await _start(streams, start, end) if args.new else start
        live = args.live or (start is None and end is None and not args.new)
        if not live and streams.outputs:
            await _confirm_removal(streams, start, end, force=args.force)
        if live and streams.inputs:
            say("Running filter on live input data")
        await _run(module, args, streams, live=live, bounds=(start, end))


async def with_missing_ranges(module: BaseModule, args: argparse.Namespace) -> None:
    """Run over each range for which all inputs, but not all outputs, have data."""
    start, end = time_bounds(args)
    async with _streams(module, args) as streams:
        if not streams.inputs:
            say(
                "No inputs, cannot run on historic data, specify --live to produce outputs",
            )
            return
        start = await _start(streams, start, end) if args.new else start
        pieces = await missing(streams, start, end)
        if not pieces:
            say("Nothing to do, data is already filtered")
        for piece in pieces:
            say(describe(piece.start, piece.end))
            await _run(module, args, streams, live=False, bounds=piece)
            if module.stop_requested:
                break


@asynccontextmanager
async def _streams(module: BaseModule, args: argparse.Namespace) -> AsyncIterator[Streams]:
    if args.module_config == UNSET:
        raise ConfigurationError("module_config parameter missing")
    conf = read_module_config(args.module_config)
    folder = args.data_stream_configs
    configured = {} if folder == UNSET else read_stream_configs(folder)
    async with Streams(module.node, configured) as streams:
        await streams.find(conf.inputs, conf.outputs)
        yield streams


async def _run(
    module: BaseModule,
    args: argparse.Namespace,
    streams: Streams,
    *,
    live: bool,
    bounds: tuple[int | None, int | None],
) -> None:
    start, end = bounds
    async with AsyncExitStack() as stack:
        pipes = await open_network_pipes(streams, stack, live=live, start=start, end=end)
        covered = [] if live else await common(streams.inputs.values(), start, end)
        if covered:
            span = Interval(covered[0].start, covered[-1].end)
            stack.enter_context(progress.shown(pipes.inputs, span))
        module.pipes = [*pipes.inputs.values(), *pipes.outputs.values()]
        await module.process(args, pipes.inputs, pipes.outputs)


async def _start(streams: Streams, start: int | None, end: int | None) -> int | None:
    """Give the time behind the outputs' data; ``ConfigurationError`` beside a start time."""
    if start is not None:
        raise ConfigurationError("use either --new or a start time, not both")
    return await behind_outputs(streams, end)


async def _confirm_removal(
    streams: Streams, start: int | None, end: int | None, *, force: bool
) -> None:
    paths = ", ".join(place.path for place in streams.outputs.values())
    question = (
        f"This will remove any data between [{describe(start, end)}] "
        f"in the output streams [{paths}]."
    )
    if not force and not await confirm(question):
        sys.exit(1)
