"""Which measurement goes into which element, also when stream and machine differ.

The stream may have been made before a core, a disk or a sensor came or went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.arguments import UNSET
from joule.client.node_pipes import parse_pipes
from joule.client.stream_query import query_stream
from joule.client.terminal_pipe import TerminalPipe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from joule.models.pipes import Pipe


class Columns:
    """The measurement for each element of a stream, by index; None for what cannot be measured."""

    def __init__(self, measured: Sequence[str], wanted: Sequence[str]) -> None:
        index = {name: number for number, name in enumerate(measured)}
        self.sources = [index.get(name) for name in wanted]
        self.missing = [name for name in wanted if name not in index]
        self.left_out = [name for name in measured if name not in wanted]

    def arrange(self, values: Sequence[float]) -> list[float]:
        """Give a value for each element, 0 where there is none."""
        return [0.0 if source is None else values[source] for source in self.sources]


async def columns_of(
    output: Pipe, args: argparse.Namespace, measured: Sequence[str]
) -> Columns | None:
    """Match by position where the width fits, else by name; None when neither is possible."""
    if isinstance(output, TerminalPipe) or output.width == len(measured):
        return Columns(measured, measured)
    columns = Columns(measured, await _element_names(output, args))
    return columns if any(source is not None for source in columns.sources) else None


async def _element_names(output: Pipe, args: argparse.Namespace) -> list[str]:
    stream = output.stream
    socket = getattr(args, "api_socket", UNSET)
    if stream is None and UNSET not in (socket, getattr(args, "pipes", UNSET)):
        (end,) = parse_pipes(args.pipes).outputs
        stream = None if end.stream_id is None else await query_stream(socket, end.stream_id)
    return [] if stream is None else [element.name for element in stream.elements]
