"""A reader of lines of text from a serial port."""

from __future__ import annotations

from joule.client.builtins.serial_reader.serial_reader import SerialReader

__all__ = ["SerialReader", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-serial-reader``."""
    SerialReader().start()
