"""Parts of a range packed into blocks of groups, as a decimated view gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.decimation import concat
from joule.storage.interfaces import DecimatedBlock
from joule.storage.packing import Packer
from joule.storage.stretch import FIRST_ROW, Stretch
from joule.storage.summary import Summary

if TYPE_CHECKING:
    from joule.models.decimation import Groups
    from joule.storage.nilmdb.covering import Part


class GroupBlocks:
    """Takes parts, gives blocks: the groups of an interval between two calls of :meth:`take`."""

    def __init__(self, level: int) -> None:
        self._packer = Packer(level)
        self._ready: list[Groups] = []
        self._blocks: list[DecimatedBlock] = []
        self._starts_interval = False
        self._begun = False

    @property
    def groups(self) -> int:
        """Number of groups that are complete."""
        return sum(map(len, self._ready)) + sum(len(block.groups) for block in self._blocks)

    def push(self, part: Part, *, starts_interval: bool) -> None:
        """Take the next part; whether an interval begins with it."""
        if isinstance(part, Stretch):
            if starts_interval and len(part):
                part = part.with_break(0, present=True)
            self._keep(self._packer.push_rows(part))
        elif len(part.groups):
            self._keep(
                self._packer.push(Summary(part.groups, FIRST_ROW) if starts_interval else part)
            )

    def finish(self) -> None:
        """Take note that no parts follow."""
        self._keep(self._packer.flush())

    def take(self) -> list[DecimatedBlock]:
        """Give the blocks that are complete."""
        self._close()
        blocks, self._blocks = self._blocks, []
        return blocks

    def _keep(self, summary: Summary | None) -> None:
        if summary is None:
            return
        for groups, starts_interval in summary.runs():
            if starts_interval:
                self._close()
                self._starts_interval = self._begun
            self._begun = True
            self._ready.append(groups)

    def _close(self) -> None:
        if self._ready:
            self._blocks.append(DecimatedBlock(concat(self._ready), self._starts_interval))
            self._ready = []
            self._starts_interval = False
