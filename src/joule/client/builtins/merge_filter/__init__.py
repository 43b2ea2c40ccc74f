"""A filter that puts several streams side by side on the timestamps of one."""

from __future__ import annotations

from joule.client.builtins.merge_filter.merge_filter import MergeFilter

__all__ = ["MergeFilter", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-merge-filter``."""
    MergeFilter().start()
