"""Whole lines out of bytes as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joule.client.sources.complaints import Complaints

_LINE_BYTES = 64 << 10
"""A longer line is left out."""


class Lines:
    """Cuts a stream of bytes at line ends.

    What comes before the first line end is left out: listening may have begun within a line, and
    the end of a number is a number too.
    """

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._rest = b""
        self._skipping = True

    def push(self, data: bytes) -> list[str]:
        """Take bytes and give the lines that they complete, those without text left out."""
        *lines, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if len(self._rest) > _LINE_BYTES:
            self._complaints.warn("a line without an end is left out; is the baud rate right?")
            self._rest, self._skipping = b"", True
        return [line.decode("utf-8", errors="replace") for line in lines if line.strip()]
