"""Data archives: what is in one, and what an import of one reported."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

ARCHIVE_MAGIC = "joule-data-archive-bundle"
NOT_IMPORTED = "cannot import data"
"""What an error begins with that kept a stream of an archive out."""

_METADATA_BYTES_MAX = 64 << 20
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    NotImplementedError,  # an unknown compression
    RecursionError,
    RuntimeError,  # encrypted
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_metadata(path: str | PathLike[str]) -> dict[str, Any]:
    """Read the top-level metadata of an archive file.

    Raises ``ValueError`` when the file is not a data archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = _top_level(archive)
    except _UNREADABLE as error:
        raise ValueError(f"{path} is not a valid joule archive") from error
    if not isinstance(metadata, dict) or metadata.get("magic") != ARCHIVE_MAGIC:
        raise ValueError(f"{path} is not a valid joule archive")
    return metadata


def _top_level(archive: zipfile.ZipFile) -> Any:
    entry = archive.getinfo("metadata.json")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("another compression than exporters use")
    with archive.open(entry) as file:
        return json.loads(file.read(_METADATA_BYTES_MAX))


@dataclass
class LogMessage:
    """One remark of an import; label and destination are None when it concerns the whole."""

    source_label: str | None
    destination: str | None
    message: str
    target_type: str | None

    def __str__(self) -> str:
        if self.source_label is None or self.destination is None:
            return self.message
        return f"{self.source_label}=>{self.destination}: {self.message}"


class ImportLogger:
    """Collects what an import has to say, in three degrees."""

    def __init__(self) -> None:
        self._source_label: str | None = None
        self._destination: str | None = None
        self._target_type: str | None = None
        self.info_messages: list[LogMessage] = []
        self.warning_messages: list[LogMessage] = []
        self.error_messages: list[LogMessage] = []

    def set_metadata(
        self, source_label: str | None, destination: str | None, target_type: str | None
    ) -> None:
        """Name the stream that the messages from now on are about."""
        self._source_label = source_label
        self._destination = destination
        self._target_type = target_type

    def info(self, msg: str) -> None:
        """Add a message about something that went as it should."""
        self.info_messages.append(self._message(msg))

    def warning(self, msg: str) -> None:
        """Add a message about something that was left out."""
        self.warning_messages.append(self._message(msg))

    def error(self, msg: str) -> None:
        """Add a message about something that failed."""
        self.error_messages.append(self._message(msg))

    def _message(self, text: str) -> LogMessage:
        return LogMessage(self._source_label, self._destination, text, self._target_type)

    @property
    def has_info(self) -> bool:
        """Whether anything was reported as done."""
        return bool(self.info_messages)

    @property
    def has_warnings(self) -> bool:
        """Whether anything was left out."""
        return bool(self.warning_messages)

    @property
    def has_errors(self) -> bool:
        """Whether anything failed."""
        return bool(self.error_messages)

    @property
    def success(self) -> bool:
        """Whether there are neither warnings nor errors."""
        return not self.has_warnings and not self.has_errors

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Give the messages as a node sends them."""
        return {
            "info": [asdict(message) for message in self.info_messages],
            "warnings": [asdict(message) for message in self.warning_messages],
            "errors": [asdict(message) for message in self.error_messages],
        }

    def from_json(self, data: dict[str, list[dict[str, Any]]]) -> None:
        """Take over the messages that a node sent."""
        self.info_messages = [LogMessage(**message) for message in data["info"]]
        self.warning_messages = [LogMessage(**message) for message in data["warnings"]]
        self.error_messages = [LogMessage(**message) for message in data["errors"]]
