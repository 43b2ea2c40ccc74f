"""Rows from a text file, a named pipe or a serial device."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from joule.client.builtins.file_reader.lines import blocks
from joule.client.console import note
from joule.client.reader_module import ReaderModule
from joule.client.terminal_pipe import TerminalPipe
from joule.errors import ConfigurationError
from joule.utilities import time_now, yesno

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from joule.models.pipes import Pipe

_DESCRIPTION = """\
Read rows of numbers, one per line.

The first number of a line is its timestamp in UNIX microseconds. With --timestamp yes there are
none in the file and each row gets the time at which it was read, which suits a device or a named
pipe. Lines that do not have the right number of numbers are skipped with a warning.
"""


class FileReader(ReaderModule):
    """Writes the lines of ``FILE`` as rows, as soon as they are there."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped = asyncio.Event()

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the file and its format."""
        parser.description = _DESCRIPTION
        parser.add_argument("position", nargs="?", default="", metavar="FILE", help="what to read")
        parser.add_argument("--file", default="", help="what to read, for use in [Arguments]")
        parser.add_argument(
            "-d", "--delimiter", default=",", choices=(",", " "), help="between numbers [,]"
        )
        parser.add_argument(
            "-t", "--timestamp", "--timestamps", default="no", help="add timestamps: yes or no [no]"
        )

    def stop(self) -> None:
        """End the wait behind the last line too."""
        super().stop()
        self._stopped.set()

    async def process(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Run over the file once, and under a node wait at its end.

        The node would start the module again, which would read all rows for a second time.
        """
        await super().process(parsed_args, inputs, outputs)
        if self.is_under_node and _is_regular(parsed_args) and not self.stop_requested:
            note("end of file, waiting to be stopped")
            await self._stopped.wait()

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        """Write all lines until the end of the file or until asked to stop."""
        stamp = _answer(parsed_args.timestamp)
        columns = None if isinstance(output, TerminalPipe) else output.width + (not stamp)
        last = 0
        async for block in blocks(_file(parsed_args), parsed_args.delimiter, columns):
            if self.stop_requested:
                break
            if not len(block):
                continue
            if stamp:
                times = received(len(block), last)
                last = int(times[-1])
                block = np.column_stack([times, block])
            await output.write(block)


def received(count: int, last: int) -> NDArray[np.int64]:
    """Give ``count`` timestamps for rows that were read now: rising, and later than ``last``."""
    first = max(time_now() - count + 1, last + 1)
    return np.arange(first, first + count, dtype=np.int64)


def _file(args: argparse.Namespace) -> str:
    file: str = getattr(args, "position", "") or args.file
    if not file:
        raise ConfigurationError("specify the file to read")
    return file


def _is_regular(args: argparse.Namespace) -> bool:
    return Path(_file(args)).is_file()


def _answer(text: str | bool) -> bool:
    try:
        return text if isinstance(text, bool) else yesno(text)
    except ValueError as error:
        raise ConfigurationError(f"timestamp {error}") from error
