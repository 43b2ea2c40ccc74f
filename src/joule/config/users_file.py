"""The users file: who may use the node, one entry or deletion per line.

::

    # name, key
    alice, 0123456789abcdef0123456789abcdef
    DELETE bob
    DELETE LIKE temporary-%
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from joule.errors import ConfigurationError

KEY_LENGTH_MIN = 10
"""Shorter keys are refused, as Joule 1.0 does; 32 characters and more are recommended."""


@dataclass(frozen=True, slots=True)
class AddUser:
    """A user with a key; one who is there already gets this key."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class DeleteUsers:
    """Everybody whose whole name ``pattern`` matches, whatever their type."""

    text: str
    pattern: re.Pattern[str]

    def matches(self, name: str) -> bool:
        """Whether somebody of this name is meant."""
        return self.pattern.fullmatch(name) is not None


UserChange = AddUser | DeleteUsers


def user_changes(text: str) -> tuple[list[UserChange], list[str]]:
    """Read the text of a users file: the changes in order, and what is wrong with other lines.

    Keys do not appear in the texts of faults.
    """
    changes: list[UserChange] = []
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            changes.append(_change(stripped))
        except ConfigurationError as error:
            faults.append(f"line {number}: {error}")
    return changes, faults


def _change(line: str) -> UserChange:
    words = line.split()
    if words[0] == "DELETE" and "," not in line:
        return _deletion(words[1:])
    name, comma, key = (part.strip() for part in line.partition(","))
    if not comma or "," in key or not name or not key:
        raise ConfigurationError("invalid syntax, use [name, key] or [DELETE name]")
    if len(key) < KEY_LENGTH_MIN:
        raise ConfigurationError(
            f"the key of [{name}] must be at least {KEY_LENGTH_MIN} characters long"
        )
    return AddUser(name, key)


def _deletion(words: list[str]) -> DeleteUsers:
    match words:
        case ["LIKE", pattern]:
            return DeleteUsers(f"LIKE {pattern}", _like(pattern))
        case [name]:
            return DeleteUsers(name, re.compile(re.escape(name)))
        case _:
            raise ConfigurationError("invalid syntax, use [DELETE name] or [DELETE LIKE pattern]")


def _like(pattern: str) -> re.Pattern[str]:
    r"""Translate SQL: ``%`` is any text, ``_`` any character, ``\`` takes the next literally."""
    tokens = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(t) or re.escape(t[-1]) for t in tokens), re.DOTALL)
