"""A reader that takes rows from a text file, a named pipe or a serial device."""

from __future__ import annotations

from joule.client.builtins.file_reader.file_reader import FileReader

__all__ = ["FileReader", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-file-reader``."""
    FileReader().start()
