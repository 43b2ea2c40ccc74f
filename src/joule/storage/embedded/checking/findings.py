"""What a check has to say."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import apsw

from joule.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Finding(NamedTuple):
    """Something that is not as it must be.

    ``place`` names the stream by its path, or the part of the file; ``time`` is where in the
    stream, in UNIX us.
    """

    place: str
    text: str
    time: int | None = None


@dataclass
class Totals:
    """What was looked at."""

    data_streams: int = 0
    event_streams: int = 0
    rows: int = 0
    events: int = 0
    findings: int = 0


class Report:
    """Collects findings and counts; ``found`` is called with each finding as it is made."""

    def __init__(
        self,
        found: Callable[[Finding], None],
        progress: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        self.totals = Totals()
        self.progress = progress
        self._found = found

    def add(self, place: str, text: str, time: int | None = None) -> None:
        """Take note of a finding."""
        self.totals.findings += 1
        self._found(Finding(place, text, time))

    @contextmanager
    def guard(self, place: str, time: int | None = None) -> Iterator[None]:
        """Make a finding of an error that reading something raises, and go on behind it.

        Damage shows in many ways: SQLite notices, a checksum does not match, or a value has
        a type or a size that nothing here reckons with.
        """
        try:
            yield
        except (apsw.Error, StorageError) as error:
            self.add(place, str(error), time)
        except (TypeError, ValueError, ArithmeticError, LookupError, struct.error) as error:
            self.add(place, f"cannot be understood: {error}", time)
