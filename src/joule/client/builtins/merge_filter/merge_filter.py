"""Several streams side by side, on the timestamps of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.client.builtins.merge_filter.tracks import Track, interpolate
from joule.client.filter_module import FilterModule
from joule.client.sliding_window import fit
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from joule.models.layout import Rows
    from joule.models.pipes import Pipe

_DESCRIPTION = """\
Combine all inputs into one output.

The output has the timestamps and elements of the primary input, followed by the elements of the
other inputs, linearly interpolated. It has rows where all inputs have data: nothing is
interpolated across an interval break, and a break of any input is a break of the output.
"""


class MergeFilter(FilterModule):
    """Joins all inputs on the timestamps of the one called ``--primary``."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the primary input."""
        parser.description = _DESCRIPTION
        parser.add_argument("--primary", required=True, help="name of the input with the timing")

    async def run(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Merge until any of the inputs ends; an interval that is open then is closed."""
        name = _primary(parsed_args.primary, inputs)
        output = _single(outputs)
        ordered = [inputs[name], *(pipe for key, pipe in inputs.items() if key != name)]
        width = sum(pipe.width for pipe in ordered)
        if output.width != width:
            raise ConfigurationError(f"output must have {width} elements, not {output.width}")
        await Merge([Track(pipe) for pipe in ordered], output).run()


class Merge:
    """The merge at work: reads only the input without which nothing more can be decided."""

    def __init__(self, tracks: Sequence[Track], output: Pipe) -> None:
        self._primary, *self._others = tracks
        self._output = output
        self._open = False

    async def run(self) -> None:
        """Merge until the input that is needed next has ended, then close the output."""
        needed = self._primary
        while await needed.receive():
            needed = await self._settle()
        await self._output.close()

    async def _settle(self) -> Track:
        """Write what is complete, leave what is over behind, and tell which input to read."""
        while True:
            needed = self._lacking() or self._behind()
            if needed is None:
                await self._write_common()
            elif needed.is_over:
                needed.next_interval()
                await self._break()
            else:
                return needed

    def _lacking(self) -> Track | None:
        """Give an input none of whose rows are waiting."""
        return next((track for track in (self._primary, *self._others) if track.lacks_rows), None)

    def _behind(self) -> Track | None:
        """Give an input that has no row at or after the first primary row."""
        start = self._primary.start
        return next((track for track in self._others if track.end < start), None)

    async def _write_common(self) -> None:
        """Write the primary rows between rows of every other input, skip those before."""
        begin = max((track.start for track in self._others), default=self._primary.start)
        if self._primary.drop_before(begin):
            await self._break()
        rows = self._primary.take_until(min((t.end for t in self._others), default=None))
        if not len(rows):
            return
        await self._output.write(self._merged(rows))
        self._open = True
        for track in self._others:
            track.forget_before(int(rows["timestamp"][-1]))

    def _merged(self, rows: Rows) -> Rows:
        layout = self._output.rows_layout
        columns = [interpolate(track.rows, rows["timestamp"]) for track in self._others]
        merged: Rows = np.empty(len(rows), layout.dtype)
        merged["timestamp"] = rows["timestamp"]
        # Each on its own: large integers would not survive in one array with interpolated values.
        width = 0
        for values in (rows["data"], *columns):
            merged["data"][:, width : width + values.shape[1]] = fit(values, layout)
            width += values.shape[1]
        return merged

    async def _break(self) -> None:
        if self._open:
            self._open = False
            await self._output.close_interval()


def _primary(name: str, inputs: Mapping[str, Pipe]) -> str:
    """Give the name of the primary input; names in module files are lower case."""
    for candidate in (name, name.lower()):
        if candidate in inputs:
            return candidate
    raise ConfigurationError(f"the specified primary [{name}] is not in the inputs")


def _single(outputs: Mapping[str, Pipe]) -> Pipe:
    if len(outputs) != 1:
        raise ConfigurationError("the merge filter must have a single output")
    return next(iter(outputs.values()))
