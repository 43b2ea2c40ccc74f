"""A filter that gives the moving average."""

from __future__ import annotations

from joule.client.builtins.mean_filter.mean_filter import MeanFilter

__all__ = ["MeanFilter", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-mean-filter``."""
    MeanFilter().start()
