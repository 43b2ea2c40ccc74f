"""The reader that all readers of outside sources are."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from contextlib import aclosing
from typing import TYPE_CHECKING

from joule.client.checks import require_width
from joule.client.console import note, say
from joule.client.reader_module import ReaderModule
from joule.client.sources.complaints import Complaints
from joule.client.sources.elements import parse_elements, stream_elements
from joule.client.sources.options import add_option, positive
from joule.client.sources.retry import Delays
from joule.client.sources.row_writer import RowWriter
from joule.client.sources.source import SourceLostError
from joule.client.stream_file import stream_file

if TYPE_CHECKING:
    import argparse

    from joule.client.sources.elements import ElementLine
    from joule.client.sources.source import Source
    from joule.models.pipes import Pipe

_log = logging.getLogger(__name__)

_GAP_S = 10.0


class SourceReader(ReaderModule):
    """Writes what a source gives, and connects again with a growing delay when it is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints = Complaints()
        self._work: asyncio.Task[None] | None = None

    @abstractmethod
    def make_source(self, parsed_args: argparse.Namespace, elements: list[ElementLine]) -> Source:
        """Give the source; ``ConfigurationError`` when the arguments do not describe one."""

    def default_gap_s(self, parsed_args: argparse.Namespace) -> float:
        """Give the time without a row after which an interval ends, when none is set."""
        return _GAP_S

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add what all sources have; to be called by overriding methods."""
        add_option(parser, "elements", "one line per element: where its value is")
        add_option(parser, "gap", "an interval ends after this many seconds without a row", None)
        add_option(parser, "retry", "seconds before the first new attempt to connect", "1")
        add_option(parser, "retry-max", "most seconds between two attempts", "60")
        add_option(parser, "path", "stream for --print-config", "/live/source")
        parser.add_argument(
            "--print-config",
            "--print_config",
            action="store_true",
            help="print a data stream file for the elements and exit",
        )

    def stop(self) -> None:
        """End the connection, or the wait for the next one."""
        super().stop()
        if self._work is not None:
            self._work.cancel()

    async def run_alone(self, parsed_args: argparse.Namespace) -> None:
        """Print the configuration if that is wanted, else run as any reader does."""
        if parsed_args.print_config:
            elements = stream_elements(parse_elements(parsed_args.elements))
            say(stream_file(parsed_args.path, elements).rstrip())
        else:
            await super().run_alone(parsed_args)

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        """Follow the source until asked to stop."""
        elements = parse_elements(parsed_args.elements)
        require_width(output, len(elements), "give [elements] one line per element of the stream")
        source = self.make_source(parsed_args, elements)
        gap_s = positive(parsed_args, "gap", self.default_gap_s(parsed_args))
        delays = Delays(positive(parsed_args, "retry"), positive(parsed_args, "retry_max"))
        writer = RowWriter(output, round(gap_s * 1e6), self.complaints)
        if self.stop_requested:
            return
        self._work = asyncio.create_task(_follow(source, writer, delays))
        try:
            await self._work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() or not self.stop_requested:
                raise


async def _follow(source: Source, writer: RowWriter, delays: Delays) -> None:
    """Write the rows of a source for ever, whatever becomes of it."""
    failing = False
    while True:
        try:
            async with aclosing(source.rows()) as blocks:
                async for rows in blocks:
                    if failing:
                        note(f"{source.name}: is back")
                    failing = False
                    delays.reset()
                    await writer.write(rows)
        except SourceLostError as error:
            reason = str(error)
        else:
            reason = "has ended"
        failing, delay_s = True, delays.next()
        _log.warning("%s: %s, next attempt in %g s", source.name, reason, delay_s)
        await asyncio.sleep(delay_s)
