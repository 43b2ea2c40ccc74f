"""How a module is run by hand: once, live or over a range, or over every range that is missing."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from functools import reduce
from typing import TYPE_CHECKING

from joule.client.arguments import UNSET
from joule.client.console import confirm, say
from joule.client.standalone.files import read_module_config, read_stream_configs
from joule.client.standalone.network_pipes import Streams, open_network_pipes
from joule.client.standalone.time_bounds import describe, time_bounds
from joule.errors import ConfigurationError
from joule.models.intervals import Interval, difference, intersection

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Iterable

    from joule.client.base_module import BaseModule
    from joule.client.standalone.network_pipes import Place

_NEGLIGIBLE_US = 1_000_000
"""Missing ranges of at most this length are not worth a run."""


async def with_network_pipes(module: BaseModule, args: argparse.Namespace) -> None:
    """Run once over the streams of the module file: live, or over the range that is given.

    A range is replaced in the outputs, after asking; leaves with status 1 when that is refused.
    """
    start, end = time_bounds(args)
    async with _streams(module, args) as streams:
        if args.new:
            start = await _newest_output(streams, start)
        live = args.live or (start is None and end is None and not args.new)
        if not live and streams.outputs:
            await _confirm_removal(streams, start, end, force=args.force)
        if live and streams.inputs:
            say("Running filter on live input data")
        await _run(module, args, streams, live=live, start=start, end=end)


async def with_missing_ranges(module: BaseModule, args: argparse.Namespace) -> None:
    """Run over each range for which all inputs, but not all outputs, have data."""
    start, end = time_bounds(args)
    async with _streams(module, args) as streams:
        if not streams.inputs:
            say(
                "No inputs, cannot run on historic data, specify --live to produce outputs",
            )
            return
        missing = await _missing(streams, start, end)
        if not missing:
            say("Nothing to do, data is already filtered")
        for piece in missing:
            say(describe(piece.start, piece.end))
            await _run(module, args, streams, live=False, start=piece.start, end=piece.end)
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
    start: int | None,
    end: int | None,
) -> None:
    async with AsyncExitStack() as stack:
        pipes = await open_network_pipes(streams, stack, live=live, start=start, end=end)
        module.pipes = [*pipes.inputs.values(), *pipes.outputs.values()]
        await module.process(args, pipes.inputs, pipes.outputs)


async def _newest_output(streams: Streams, start: int | None) -> int | None:
    """Give the time behind the data that all outputs have, None when one of them has none."""
    if start is not None:
        raise ConfigurationError("use either --new or a start time, not both")
    infos = [await place.node.data_stream_info(place.stream) for place in streams.outputs.values()]
    ends = [info.end for info in infos if info.end is not None]
    return min(ends) + 1 if ends and len(ends) == len(infos) else None


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


async def _missing(streams: Streams, start: int | None, end: int | None) -> list[Interval]:
    wanted = await _common(streams.inputs.values(), start, end)
    done = await _common(streams.outputs.values(), start, end)
    pieces = difference(wanted, done)
    return [piece for piece in pieces if piece.end - piece.start > _NEGLIGIBLE_US]


async def _common(places: Iterable[Place], start: int | None, end: int | None) -> list[Interval]:
    """Give the time in which all of these streams have data."""
    lists = [
        [Interval(*pair) for pair in await place.node.data_intervals(place.stream, start, end)]
        for place in places
    ]
    return reduce(intersection, lists) if lists else []
