"""The load of the machine as a data stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.builtins.host_reader.columns import columns_of
from joule.client.builtins.host_reader.configuration import COMMAND, DEFAULT_PATH, both
from joule.client.builtins.host_reader.meter import HostMeter
from joule.client.checks import require_rate
from joule.client.console import note, say
from joule.client.pacing import ticks
from joule.client.reader_module import ReaderModule
from joule.errors import ConfigurationError
from joule.utilities import time_now

if TYPE_CHECKING:
    import argparse

    from joule.client.builtins.host_reader.columns import Columns
    from joule.models.pipes import Pipe

_HIGHEST_HZ = 100.0

_DESCRIPTION = f"""\
Measure the machine: how busy each core is, memory in use, rates of disk and network, and
temperatures where there are sensors.

Which elements there are depends on the machine. The files for this one are printed by

    {COMMAND} --print-config --path /live/host
"""


class HostReader(ReaderModule):
    """Writes one row of measurements ``--rate`` times a second."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the rate, and the way to print the configuration for this machine."""
        parser.description = _DESCRIPTION
        parser.add_argument("--rate", type=float, default=1.0, help="rows per second [1]")
        parser.add_argument("--path", default=DEFAULT_PATH, help="stream for --print-config")
        parser.add_argument(
            "--print-config",
            "--print_config",
            action="store_true",
            help="print the configuration files for this machine and exit",
        )

    async def run_alone(self, parsed_args: argparse.Namespace) -> None:
        """Print the configuration if that is wanted, else run as any reader does."""
        if parsed_args.print_config:
            say(both(parsed_args.path, parsed_args.rate))
        else:
            await super().run_alone(parsed_args)

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        """Measure until asked to stop."""
        require_rate(parsed_args.rate, _HIGHEST_HZ)
        meter = HostMeter()
        columns = await _columns(output, parsed_args, [element.name for element in meter.elements])
        last = 0
        async for elapsed_s in ticks(self, 1 / parsed_args.rate):
            if elapsed_s >= 1 / parsed_args.rate:  # the first rates need some time to look back on
                last = max(time_now(), last + 1)
                await output.write([[last, *columns.arrange(meter.read())]])


async def _columns(output: Pipe, args: argparse.Namespace, measured: list[str]) -> Columns:
    """Say what goes where, with a note when the stream is not made for this machine."""
    columns = await columns_of(output, args, measured)
    hint = f"[{COMMAND} --print-config] prints the stream configuration for this machine"
    if columns is None:
        raise ConfigurationError(
            f"the output must have {len(measured)} elements, not {output.width}; {hint}"
        )
    for names, text in (
        (columns.missing, "is not on this machine and stays 0"),
        (columns.left_out, "has no element in the stream and is left out"),
    ):
        if names:
            note(f"[{', '.join(names)}] {text}; {hint}")
    return columns
