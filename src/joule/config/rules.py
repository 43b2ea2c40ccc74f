"""Small grammars that several kinds of files share: paths and lengths of time."""

from __future__ import annotations

import re

from joule.errors import ConfigurationError
from joule.models.base import KEEP_ALL, KEEP_NONE

_FOLDER_PATH = re.compile(r"/|(/[\w \-]+)+")
_STREAM_PATH = re.compile(r"(/[\w \-]+){2,}")
_DURATION = re.compile(r"([0-9]+)([smhdwy])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def folder_path(text: str) -> str:
    """Return ``text`` if it is ``/`` or ``/folder/...``, else raise ``ConfigurationError``."""
    if not _FOLDER_PATH.fullmatch(text):
        raise ConfigurationError(
            f"invalid path [{text}], use / or /folder/... with letters, digits, _, - and spaces"
        )
    return text


def stream_path(text: str) -> str:
    """Return ``text`` if it is ``/folder/.../stream``, else raise ``ConfigurationError``."""
    if not _STREAM_PATH.fullmatch(text):
        raise ConfigurationError(
            f"invalid path [{text}], use /folder/.../stream with letters, digits, _, - and spaces"
        )
    return text


def duration_us(text: str) -> int:
    """Read ``<int><unit>``, unit one of s m h d w y (m is minutes, y 365 days), as microseconds."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ConfigurationError(
            f"invalid time [{text}], use a whole number > 0 and one of s m h d w y, for example 2d"
        )
    return int(match[1]) * _SECONDS[match[2]] * 1_000_000


def keep_us(text: str) -> int:
    """Read ``all`` (-1), ``none`` (0) or a length of time as microseconds of history."""
    named = {"all": KEEP_ALL, "none": KEEP_NONE}.get(text.lower())
    return duration_us(text) if named is None else named
