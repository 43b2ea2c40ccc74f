"""A filter that gives the moving median."""

from __future__ import annotations

from joule.client.builtins.median_filter.median_filter import MedianFilter

__all__ = ["MedianFilter", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-median-filter``."""
    MedianFilter().start()
