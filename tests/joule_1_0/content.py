"""What was done to the node of Joule 1.0 that wrote the database, and what it then must hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.models.layout import Layout

if TYPE_CHECKING:
    from joule.models.layout import Rows

START_US: Final = 1_700_000_000_000_000
"""Times are given in milliseconds after it."""

YEARS_US: Final = 10 * 365 * 86_400_000_000
DATATYPES: Final = ("float32", "float64", "int16", "int32", "int64")
FRIEND: Final = "friend"

Run = range
"""Times of the rows of an interval."""


@dataclass(frozen=True)
class OldStream:
    """A stream as it was written, session by session, and the intervals that came of it."""

    path: str
    layout: Layout
    sessions: tuple[Run, ...]
    runs: tuple[tuple[int, ...], ...] = ()
    """Times of the rows of each interval, where these are not just the sessions."""

    decimate: bool = True
    keep_us: int = -1
    merge_gap: int = 0
    then: tuple[tuple[Any, ...], ...] = field(default=())
    """What was done to it after writing."""

    @property
    def intervals(self) -> list[Rows]:
        """Its rows, interval by interval."""
        return [self.rows(run) for run in self.runs or sorted(self.sessions, key=min)]

    def rows(self, times: Run | tuple[int, ...]) -> Rows:
        """``(n,)`` rows at these times."""
        rows = np.zeros(len(times), self.layout.dtype)
        rows["timestamp"] = START_US + 1000 * np.array(times)
        rows["data"] = np.array(times)[:, None] * 7 % 30_011 + np.arange(self.layout.width)
        if self.layout.datatype.startswith("float"):
            rows["data"] /= 8
        return rows


TYPES: Final = tuple(
    OldStream(f"/types/{name}", Layout(name, 2), (range(300), range(2000, 2007), range(9000, 9100)))
    for name in DATATYPES
)
WIDE: Final = OldStream("/many/wide", Layout("int16", 20), (range(0, 300, 3),), keep_us=YEARS_US)
EMPTY: Final = OldStream("/none/empty", Layout("float32", 1), ())
PLAIN: Final = OldStream("/none/plain", Layout("float64", 1), (range(300),), decimate=False)
APPENDED: Final = OldStream(
    "/edited/appended",
    Layout("float32", 1),
    (range(37), range(40, 80), range(81, 300)),
    runs=((*range(37), *range(40, 80), *range(81, 300)),),
    merge_gap=5000,
)
LATE: Final = OldStream(
    "/edited/late",
    Layout("int32", 1),
    (range(0, 100, 10), range(1000, 1100), range(41, 49, 2)),
    runs=(
        tuple(range(0, 50, 10)),
        (41, 43, 45, 47),
        tuple(range(50, 100, 10)),
        (*range(1000, 1100),),
    ),
)
CUT: Final = OldStream(
    "/edited/cut",
    Layout("int64", 1),
    (range(400),),
    runs=((*range(100),), (*range(150, 400),)),
    then=(("delete", START_US + 100_000, START_US + 150_000),),
)
JOINED: Final = OldStream(
    "/edited/joined",
    Layout("float32", 3),
    (range(50), range(60, 170), range(5000, 5100)),
    runs=((*range(50), *range(60, 170)), (*range(5000, 5100),)),
    then=(("consolidate", 100_000),),
)
STREAMS: Final = (*TYPES, WIDE, EMPTY, PLAIN, APPENDED, LATE, CUT, JOINED)

OldEvent = tuple[int, int, dict[str, Any]]
PLAIN_EVENTS: Final[list[OldEvent]] = [
    (START_US + i, START_US + i + 5 + i % 3, {"n": i, "text": f"über {i}"}) for i in range(30)
]
CHUNKED_EVENTS: Final[list[OldEvent]] = [
    (START_US + i * 7_200_000_000, START_US + i * 7_200_000_000 + 1, {}) for i in range(5)
]
EVENTS: Final[dict[str, tuple[dict[str, str], str, list[OldEvent]]]] = {
    "/events/plain": ({"n": "numeric", "text": "string"}, "", PLAIN_EVENTS),
    "/events/chunked": ({}, "1h", CHUNKED_EVENTS),
}
"""Fields, length of a chunk and events of each stream."""

NOTES: Final = (
    ("/types/int16", "a moment", "", START_US + 5, None),
    ("/types/int16", "a time", "with words", START_US + 10, START_US + 20),
)


def plan() -> tuple[list[list[Any]], dict[str, Rows]]:
    """Give the steps for ``fill.py`` and the rows they speak of, by name of file."""
    steps: list[list[Any]] = [["user", FRIEND]]
    files: dict[str, Rows] = {}
    for stream in STREAMS:
        names = [f"e{i}" for i in range(stream.layout.width)]
        about = [stream.path, stream.layout.datatype, names, stream.decimate, stream.keep_us]
        steps.append(["create", *about])
        for number, session in enumerate(stream.sessions):
            file = f"{stream.path.strip('/').replace('/', '-')}-{number}.npy"
            files[file] = stream.rows(session)
            steps.append(["write", stream.path, file, stream.merge_gap])
        steps += [[kind, stream.path, *arguments] for kind, *arguments in stream.then]
    steps += [["events", path, *about] for path, about in EVENTS.items()]
    steps += [["annotate", *note] for note in NOTES]
    return steps, files
