"""Filters that tell how far they have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.builtins.merge_filter.tracks import Track
from joule.client.sliding_window import Kernel, SlidingWindow

if TYPE_CHECKING:
    from joule.cli.progress import Progress
    from joule.models import Pipe
    from joule.models.intervals import Interval
    from joule.models.layout import Layout, Rows


class WatchedWindow(SlidingWindow):
    """A window that notes the rows of a range as it takes them."""

    def __init__(
        self, size: int, layout: Layout, kernel: Kernel, progress: Progress, span: Interval
    ) -> None:
        super().__init__(size, layout, kernel)
        self._progress = progress
        self._position = span.start

    def push(self, rows: Rows) -> Rows:
        """Take the next rows of the interval and give those that are complete."""
        if len(rows):
            last = int(rows["timestamp"][-1])
            self._progress.advance(len(rows), last - self._position)
            self._position = last
        return super().push(rows)


class WatchedTrack(Track):
    """An input of a merge that notes its rows as they come; they begin at ``start``."""

    def __init__(self, pipe: Pipe, progress: Progress, start: int) -> None:
        super().__init__(pipe)
        self._progress = progress
        self._position = start

    async def receive(self) -> bool:
        """Wait for more of the current interval; False when the input has ended."""
        before = len(self.rows)
        more = await super().receive()
        if len(self.rows) > before:
            self._progress.advance(len(self.rows) - before, self.end - self._position)
            self._position = self.end
        return more
