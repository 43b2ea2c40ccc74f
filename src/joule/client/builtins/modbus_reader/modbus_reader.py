"""Registers of a Modbus TCP device."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from joule.client.builtins.modbus_reader.registers import WORD_ORDERS, parse_register
from joule.client.sources import PolledReader, Source, extra
from joule.client.sources.options import add_option, address, choice, positive
from joule.client.sources.time_place import add_time_options, time_place
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from joule.client.builtins.modbus_reader.registers import Register
    from joule.client.sources import ElementLine

_PORT = 502

_DESCRIPTION = """\
Read registers of a Modbus TCP device at a steady pace.

Each line of [elements] is a table (holding, input, coil or discrete), an address, the first is 0,
and for registers a type (int16, uint16, int32, uint32, float32, int64, uint64 or float64) and,
where it is not that of [word_order], the order of its words:

    elements =
        holding 100 float32         name=Power units=W
        input 7 uint32 little       name=Energy units=kWh scale=0.001
        coil 3                      name=Pump
"""


class ModbusReader(PolledReader):
    """Writes the registers of a device."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the device."""
        parser.description = _DESCRIPTION
        super().custom_args(parser)
        add_option(parser, "device", "HOST or HOST:PORT [port 502]")
        add_option(parser, "device-id", "number of the device behind its address", "1")
        add_option(parser, "word-order", "first register of long values: big or little", "big")
        add_time_options(parser, "TABLE ADDRESS TYPE")

    def make_source(self, parsed_args: argparse.Namespace, elements: list[ElementLine]) -> Source:
        """Give the device."""
        with extra("modbus"):
            from joule.client.builtins.modbus_reader.device import Address, Device
        args = parsed_args
        if not args.device:
            raise ConfigurationError("set [device] to HOST or HOST:PORT")
        order = choice(args, "word_order", WORD_ORDERS)
        device_id = args.device_id
        if not device_id.isdecimal() or int(device_id) > 255:
            raise ConfigurationError(f"device_id must be a number up to 255, not [{device_id}]")
        host, port = address(args, "device", _PORT)
        return Device(
            self,
            self.interval_s(args),
            Address(host, port, int(device_id), positive(args, "timeout")),
            [(_register(element, order), element) for element in elements],
            time_place(args, lambda text: parse_register(shlex.split(text), order)),
        )


def _register(element: ElementLine, word_order: str) -> Register:
    try:
        return parse_register(element.words, word_order)
    except ValueError as error:
        raise element.fault(str(error)) from error
