"""A reader that polls the registers of a Modbus TCP device."""

from __future__ import annotations

from joule.client.builtins.modbus_reader.modbus_reader import ModbusReader

__all__ = ["ModbusReader", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-modbus-reader``."""
    ModbusReader().start()
