"""A reader that makes random numbers, to try a node out."""

from __future__ import annotations

from joule.client.builtins.random_reader.random_reader import RandomReader

__all__ = ["RandomReader", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-random-reader``."""
    RandomReader().start()
