"""Lines of text that an instrument sends over a serial port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.builtins.serial_reader.line_format import (
    LineFormat,
    column,
    columns,
    compiled,
    field_of,
    group,
    groups,
)
from joule.client.sources import Source, SourceReader, extra
from joule.client.sources.options import add_option, choice, positive
from joule.client.sources.time_place import add_time_options, time_place
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from joule.client.sources import ElementLine

_FLOWS = ("none", "rtscts", "xonxoff")

_DESCRIPTION = """\
Read lines of text from a serial port, a row per line.

Each line of [elements] is the number of a column, the first is 1, or with [pattern] the number or
name of one of its groups:

    elements =
        1   name=Voltage units=V
        3   name=Current units=A scale=0.001
"""


class SerialReader(SourceReader):
    """Writes the lines from a serial port as rows."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the port and the format of its lines."""
        parser.description = _DESCRIPTION
        super().custom_args(parser)
        add_option(parser, "device", "the port, /dev/serial/by-id/... for example")
        add_option(parser, "baud", "bits per second", "9600")
        add_option(parser, "bits", "data bits: 5, 6, 7 or 8", "8")
        add_option(parser, "parity", "parity: N, E, O, M or S", "N")
        add_option(parser, "stop-bits", "stop bits: 1, 1.5 or 2", "1")
        add_option(parser, "flow", "flow control: none, rtscts or xonxoff", "none")
        add_option(parser, "separator", "text between columns [commas, semicolons and blanks]")
        add_option(parser, "pattern", "regular expression that finds the values, in place of it")
        add_time_options(parser, "a column or group")

    def make_source(self, parsed_args: argparse.Namespace, elements: list[ElementLine]) -> Source:
        """Give the lines of the port."""
        with extra("serial"):
            from joule.client.builtins.serial_reader.serial_line import SerialLine, Settings
        args = parsed_args
        if not args.device:
            raise ConfigurationError("set [device] to the serial port")
        flow = choice(args, "flow", _FLOWS)
        settings = Settings(
            baudrate=round(positive(args, "baud")),
            bytesize=int(choice(args, "bits", ("5", "6", "7", "8"))),
            parity=choice(args, "parity", ("N", "E", "O", "M", "S")),
            stopbits=float(choice(args, "stop_bits", ("1", "1.5", "2"))),
            rtscts=flow == "rtscts",
            xonxoff=flow == "xonxoff",
        )
        return SerialLine(args.device, settings, line_format(args, elements), self.complaints)


def line_format(args: argparse.Namespace, elements: list[ElementLine]) -> LineFormat:
    """Give the format that the arguments describe."""
    if args.pattern and args.separator:
        raise ConfigurationError("use either [pattern] or [separator], not both")
    pattern = compiled(args.pattern) if args.pattern else None
    parse = group(pattern) if pattern else column
    return LineFormat(
        groups(pattern) if pattern else columns(args.separator),
        [(field_of(element, parse), element) for element in elements],
        time_place(args, parse),
    )
