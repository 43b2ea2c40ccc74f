"""Transcripts: what is typed, what comes out, and what the command of Joule 1.0.1 says to the same.

::

    $ joule stream rename /t/volts amps     run with both; with ``$$`` only ours has it
    < y                                     typed as an answer
    > OK                                    standard output
    ! Error: ...                            standard error
    = 0                                     the status
    1.0 same                                or its output, as 1.0> and 1.0! and 1.0=

What differs from run to run (ports, keys, times of now) is replaced by a word.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[[list[str], str], subprocess.CompletedProcess[str]]

_COMPLAINTS = ("Unclosed client session", "client_session:")
"""What Python says of the other command when it feels like it."""

_VARYING = [
    (re.compile(r"127\.0\.0\.1:\d{5}"), "127.0.0.1:PORTN"),
    (re.compile(r"\b[\w-]{43}\b"), "KEY"),
    (re.compile(r"^\t\d+:\d\d:\d\d\.\d+$"), "\tUPTIME"),
    (re.compile(r"\d+\.\d+%"), "N%"),
    (re.compile(r"\d+\.\d(?:B|KiB|MiB|GiB|TiB)"), "SIZE"),
    (re.compile(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*\]"), "[NOW]"),
    (re.compile(r"^( +)\d+$"), r"\1N"),
    (re.compile(r"(Server Version:\s+).*"), r"\1VERSION"),
    (
        re.compile(r'("(?:pid|size_\w+|\w+_(?:at|percent)|create_time|version)": ).*?(,?)$'),
        r"\1...\2",
    ),
]


@dataclass
class Outcome:
    """What a command printed, line by line, and its status."""

    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    status: int = 0

    def lines(self, prefix: str = "") -> list[str]:
        """Give it as lines of a transcript."""
        out = [f"{prefix}> {line}".rstrip() for line in self.out]
        err = [f"{prefix}! {line}".rstrip() for line in self.err]
        return [*out, *err, f"{prefix}= {self.status}"]

    def take(self, line: str) -> None:
        """Take over a line of a transcript, without the prefix."""
        text = line[2:]
        if line.startswith(">"):
            self.out.append(text)
        elif line.startswith("!"):
            self.err.append(text)
        else:
            self.status = int(text)


@dataclass
class Entry:
    """A command line, the answers to what it asks, and what both commands say to it."""

    text: str
    answers: list[str] = field(default_factory=list)
    ours: Outcome = field(default_factory=Outcome)
    theirs: Outcome = field(default_factory=Outcome)

    @property
    def is_new(self) -> bool:
        """Whether Joule 1.0.1 has no such command or option."""
        return self.text.startswith("$$")

    def lines(self) -> list[str]:
        """Give it as lines of a transcript."""
        lines = [self.text, *(f"< {answer}" for answer in self.answers), *self.ours.lines()]
        if self.is_new:
            return lines
        return lines + (["1.0 same"] if self.theirs == self.ours else self.theirs.lines("1.0"))

    def take(self, line: str) -> None:
        """Take over a line of a transcript."""
        if line.startswith("< "):
            self.answers.append(line[2:])
        elif line == "1.0 same":
            self.theirs = self.ours
        elif line.startswith("1.0"):
            self.theirs.take(line[3:])
        else:
            self.ours.take(line)

    def run(self, run: Run, folder: Path) -> Outcome:
        """Type it."""
        program, *words = shlex.split(self.text.lstrip("$ "))
        assert program == "joule"
        result = run(words, "".join(f"{answer}\n" for answer in self.answers))
        return Outcome(
            _steady(result.stdout, folder), _steady(result.stderr, folder), result.returncode
        )


def read(file: Path) -> list[Entry]:
    """Read a transcript."""
    found: list[Entry] = []
    for line in file.read_text().splitlines():
        if line.startswith("$"):
            found.append(Entry(line))
        elif line:
            found[-1].take(line)
    return found


def written(entries: list[Entry]) -> str:
    """Write a transcript."""
    return "\n".join("\n".join(entry.lines()) + "\n" for entry in entries)


def _steady(text: str, folder: Path) -> list[str]:
    """Give the lines without chance; of a crash only that there was one."""
    text, crash, _ = text.replace(str(folder), "FOLDER").partition("Traceback (most recent")
    lines = [
        _without_chance(line).rstrip()
        for line in text.splitlines()
        if not line.startswith(_COMPLAINTS)
    ]
    return [*lines, "Traceback"] if crash else lines


def _without_chance(line: str) -> str:
    for pattern, word in _VARYING:
        line = pattern.sub(word, line)
    return line
