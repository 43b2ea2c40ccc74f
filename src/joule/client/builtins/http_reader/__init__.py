"""A reader that polls web services which answer with JSON."""

from __future__ import annotations

from joule.client.builtins.http_reader.http_reader import HttpReader

__all__ = ["HttpReader", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-http-reader``."""
    HttpReader().start()
