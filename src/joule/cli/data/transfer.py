"""Rows from a source into a stream of a node, run by run, and what is said when either end fails.

What has reached the destination stays there: the same copy again begins behind it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

import joule
from joule.cli.progress import grouped
from joule.errors import EmptyPipeError, JouleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joule.cli.data.missing import Piece
    from joule.cli.data.places import NodeStream, Source
    from joule.cli.progress import Progress
    from joule.models import Pipe
    from joule.models.layout import Rows

AGAIN = "the same command again continues from there"


class Transfer:
    """Copies runs; ``progress`` is as long as all of them together."""

    def __init__(self, source: Source, target: NodeStream, progress: Progress) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._reached: int | None = None

    @property
    def summary(self) -> str:
        """What was done until now."""
        if self._reached is None:
            return f"no rows were sent, {AGAIN}"
        time = joule.utilities.timestamp_to_human(self._reached).strip()
        return f"{grouped(self._progress.rows)} rows were sent, up to {time}; {AGAIN}"

    async def run(self, pieces: Sequence[Piece]) -> None:
        """Copy the pieces of a run.

        Raises ``ClickException`` naming the end that failed. When it is cancelled, what was handed
        to the destination is stored.
        """
        first, last = pieces[0], pieces[-1]
        with self._blaming("destination", self._target.label):
            gap = first.length if first.continues else 0
            pipe = await self._target.node.data_write(self._target.stream, merge_gap=gap)
        try:
            await self._copy(pipe, first.start, last.end)
        finally:
            with self._blaming("destination", self._target.label):
                await pipe.close()

    async def _copy(self, target: Pipe, start: int, end: int) -> None:
        with self._blaming("source", self._source.label):
            async with self._source.read(start, end) as pipe:
                begin: int | None = start
                while await pipe.not_empty():
                    rows = await pipe.read()
                    await self._write(target, rows, ends_interval=pipe.end_of_interval)
                    pipe.consume(len(rows))
                    begin = self._note(rows, begin)
                    if pipe.end_of_interval:
                        begin = None

    async def _write(self, target: Pipe, rows: Rows, *, ends_interval: bool) -> None:
        with self._blaming("destination", self._target.label):
            if len(rows):
                await target.write(rows)
            if ends_interval:
                await target.close_interval()

    def _note(self, rows: Rows, begin: int | None) -> int | None:
        """Count rows; gives the time up to which everything is counted now."""
        if not len(rows):
            return begin
        self._reached = int(rows["timestamp"][-1])
        before = int(rows["timestamp"][0]) if begin is None else begin
        self._progress.advance(len(rows), self._reached - before)
        return self._reached

    @contextlib.contextmanager
    def _blaming(self, side: str, label: str) -> Iterator[None]:
        try:
            yield
        except EmptyPipeError:
            raise
        except JouleError as error:
            raise click.ClickException(
                f"the {side}, {label}, failed: {error}\n{self.summary}"
            ) from error
