"""A module that shows the newest values of its inputs on a web page."""

from __future__ import annotations

from joule.client.builtins.visualizer.visualizer import Visualizer

__all__ = ["Visualizer", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-visualizer-filter``."""
    Visualizer().start()
