"""The files inside an archive: their names, and which of them belong there.

``docs/archives.md`` describes the format.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from joule.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

METADATA = "metadata.json"
VERSION = "1.0.0"
BLOCK_ROWS_MAX = 50_000
BLOCK_EVENTS_MAX = 1000
BLOCK_EVENTS_BYTES_MAX = 8 << 20
"""Unless one event alone is longer. Readers need not take files of more than 64 MiB."""

INVALID = "invalid joule archive"

_PART = re.compile(r"(data|events)/(\d{1,9})/(?:metadata\.json|data/([^/]+))")
_ROWS = re.compile(r"(-?\d{1,19})(\.dat|_interval_break\.dat)")
_EVENTS = re.compile(r"(-?\d{1,19})(?:_(\d{1,9}))?\.json")
_IGNORED = re.compile(r"modules/|(data|events|modules)/(\d{1,9}/(data/)?)?")


class ArchiveError(InvalidRequestError):
    """A file that is no archive, or a damaged one; the text begins with :data:`INVALID`."""


def damaged(why: str) -> ArchiveError:
    """Make the error for a file that has the marks of an archive and cannot be read."""
    return ArchiveError(f"{INVALID}: {why}")


def block_name(index: int, last: int) -> str:
    """Name the file of rows that end with the timestamp ``last``."""
    return f"data/{index}/data/{last}.dat"


def break_name(index: int, last: int) -> str:
    """Name the file that ends the interval whose last row has the timestamp ``last``."""
    return f"data/{index}/data/{last + 1}_interval_break.dat"


def events_name(index: int, last: int, number: int) -> str:
    """Name the file of events that end with the start time ``last``, the ``number``-th of these."""
    return f"events/{index}/data/{last}{f'_{number}' if number else ''}.json"


def part_metadata(kind: str, index: int) -> str:
    """Name the description of a stream; ``kind`` is ``data`` or ``events``."""
    return f"{kind}/{index}/{METADATA}"


@dataclass(slots=True)
class Members:
    """The names of a stream's files in the order of their content; ``breaks`` are some of them."""

    metadata: str | None = None
    content: list[str] = field(default_factory=list)
    breaks: set[str] = field(default_factory=set)


def sorted_members(names: Iterable[str]) -> dict[tuple[str, int], Members]:
    """Sort the files of an archive by kind and number; :exc:`ArchiveError` for one too many."""
    parts: dict[tuple[str, int], Members] = defaultdict(Members)
    keys: dict[str, tuple[int, ...]] = {}
    for name in names:
        if name == METADATA or (name.endswith("/") and _IGNORED.fullmatch(name)):
            continue
        if name.startswith("modules/"):
            continue
        match = _PART.fullmatch(name)
        if match is None:
            raise damaged(f"[{name[:200]}] does not belong there")
        part = parts[match[1], int(match[2])]
        if match[3] is None:
            part.metadata = name
        else:
            keys[name] = _order(match[1], match[3], name)
            part.content.append(name)
            if match[3].endswith("_interval_break.dat"):
                part.breaks.add(name)
    for part in parts.values():
        part.content.sort(key=keys.__getitem__)
    return {key: parts[key] for key in sorted(parts)}


def _order(kind: str, file: str, name: str) -> tuple[int, ...]:
    """Give what a file is sorted by: its time, a break before the rows that end with it."""
    match = (_ROWS if kind == "data" else _EVENTS).fullmatch(file)
    if match is None:
        raise damaged(f"[{name[:200]}] does not belong there")
    if kind == "data":
        return int(match[1]), int(match[2] == ".dat")
    return int(match[1]), int(match[2] or 0)
