"""``joule module run``: a configured module once more, over data that is stored."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.options import bounds
from joule.cli.session import on_node

if TYPE_CHECKING:
    from joule.api import Node
    from joule.client.standalone.network_pipes import Streams
    from joule.models.intervals import Interval
    from joule.models.modules import ModuleConfiguration


@dataclass(slots=True)
class Request:
    """What to run over which time; ``end`` becomes definite when the streams are known."""

    name: str
    start: int | None
    end: int | None
    new: bool
    missing: bool
    force: bool

    def check(self) -> None:
        """Raise ``ClickException`` for options that do not go together."""
        if self.new and (self.start is not None or self.missing):
            raise click.ClickException("--new goes neither with --start nor with --missing")


@click.command("run")
@click.argument("name")
@bounds
@click.option("--new", is_flag=True, help="Only behind what the outputs have.")
@click.option("--missing", is_flag=True, help="Only where inputs, but not all outputs, have data.")
@click.option("-f", "--force", is_flag=True, help="Replace output data without asking.")
@click.pass_context
def run(ctx: click.Context, /, **options: object) -> None:
    """Run the module NAME over stored data, on this machine.

    The program, its arguments and its streams are those of the node's module file. It reads its
    inputs between --start and --end (default: all that is stored), and what it writes replaces
    what its outputs have there. It may go on running on the node meanwhile: then the newest data
    of its outputs, and what comes, is left to that. Ctrl-C stops it; --new then goes on.
    """
    request = Request(**options)  # type: ignore[arg-type]  # click fills in what is declared above
    request.check()
    try:
        _run(request)
    except KeyboardInterrupt:
        until = f" --end {request.end}" if request.end is not None else ""
        name = shlex.quote(request.name)
        output.note(f"\nStopped, what was written stays. joule module run {name} --new{until}")
        ctx.exit(130)


@on_node
async def _run(node: Node, request: Request) -> None:
    # What a run needs takes longer to load than all other commands of the group.
    from joule.client.standalone.network_pipes import Streams
    from joule.config.pipe_spec import PipeSpec

    module = await node.module_configuration(request.name)
    inputs, outputs = (
        {name: PipeSpec.parse(text) for name, text in pipes.items()}
        for pipes in (module.inputs, module.outputs)
    )
    if not inputs:
        raise click.ClickException(f"module [{module.name}] has no inputs to read")
    async with Streams(node, {}) as streams:
        await streams.find(inputs, outputs)
        pieces = await _pieces(streams, request)
        if not pieces:
            output.line("Nothing to do")
        elif await _agreed(streams, pieces, request):
            await _run_pieces(node, module, streams, pieces)
        else:
            click.get_current_context().exit(1)


async def _pieces(streams: Streams, request: Request) -> list[Interval]:
    """Give the ranges to run over, each from the first to the last row of the inputs in it."""
    from joule.client.standalone import ranges
    from joule.models.intervals import Interval

    request.end = await _leave_newest(streams, request.end)
    if request.missing:
        return await ranges.missing(streams, request.start, request.end)
    start = request.start
    if request.new:
        start = await ranges.behind_outputs(streams, request.end)
    if start is not None and request.end is not None and start >= request.end:
        return []
    covered = await ranges.common(streams.inputs.values(), start, request.end)
    if not covered:
        return []
    request.end = covered[-1].end
    return [Interval(covered[0].start, covered[-1].end)]


async def _leave_newest(streams: Streams, end: int | None) -> int | None:
    """Move ``end`` before the newest row of each output that is being produced."""
    ends = [] if end is None else [end]
    for place in streams.outputs.values():
        if place.stream.is_destination:
            newest = (await place.node.data_stream_info(place.stream)).end
            if newest is None:
                raise click.ClickException(
                    f"Stream [{place.path}] is being produced and has no data yet"
                )
            ends.append(newest)
    return min(ends, default=None)


async def _agreed(streams: Streams, pieces: list[Interval], request: Request) -> bool:
    """Ask when rows are in the way; tells whether to go on."""
    if request.force:
        return True
    span = (pieces[0].start, pieces[-1].end)
    taken = [
        place.path
        for place in streams.outputs.values()
        if not request.missing and await place.node.data_intervals(place.stream, *span)
    ]
    return not taken or output.confirm(
        f"This will remove any data between [{_text(*span)}] "
        f"in the output streams [{', '.join(taken)}]. Continue?"
    )


async def _run_pieces(
    node: Node, module: ModuleConfiguration, streams: Streams, pieces: list[Interval]
) -> None:
    from joule.cli.module_run_once import run_once

    output.line(f"Running [{shlex.join(shlex.split(module.exec_cmd))}]")
    for piece in pieces:
        began = time.monotonic()
        passed = await run_once(node, module, streams, piece)
        output.line(f"{_text(*piece)}: {passed}, {time.monotonic() - began:.1f} s")


def _text(start: int, end: int) -> str:
    human = joule.utilities.timestamp_to_human
    return f"{human(start).strip()} => {human(end).strip()}"
