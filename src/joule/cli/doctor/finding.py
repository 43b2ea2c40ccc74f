"""What the doctor says about one thing."""

from __future__ import annotations

from dataclasses import dataclass

OK, NOTE, WRONG = "ok", "note", "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at: how it is, and what to do unless it is fine.

    ``state`` is ``ok``, ``note`` (it works, and may not be meant so) or ``wrong``.
    """

    check: str
    state: str
    text: str
    advice: str = ""


def fine(check: str, text: str) -> Finding:
    """Give a finding that needs nothing."""
    return Finding(check, OK, text)


def note(check: str, text: str, advice: str = "") -> Finding:
    """Give a finding that somebody should know."""
    return Finding(check, NOTE, text, advice)


def wrong(check: str, text: str, advice: str) -> Finding:
    """Give a finding that somebody must do something about."""
    return Finding(check, WRONG, text, advice)
