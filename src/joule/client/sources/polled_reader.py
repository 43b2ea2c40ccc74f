"""The reader of sources that are asked for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.checks import require_rate
from joule.client.sources.options import add_option, positive
from joule.client.sources.source_reader import SourceReader

if TYPE_CHECKING:
    import argparse

_GAP_INTERVALS = 2.5
"""So much of the pace may be late, or lost once, before it is a gap."""

_HIGHEST_HZ = 1000.0


class PolledReader(SourceReader):
    """Asks its source every ``--interval`` seconds."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the pace and the patience."""
        super().custom_args(parser)
        add_option(parser, "interval", "seconds from one row to the next", "1")
        add_option(parser, "timeout", "seconds to wait for an answer", "10")

    def default_gap_s(self, parsed_args: argparse.Namespace) -> float:
        """Give a little more than two intervals."""
        return _GAP_INTERVALS * self.interval_s(parsed_args)

    def interval_s(self, parsed_args: argparse.Namespace) -> float:
        """Give the seconds from one row to the next."""
        interval_s = positive(parsed_args, "interval")
        require_rate(1 / interval_s, _HIGHEST_HZ)
        return interval_s
