"""Every exception that Joule raises.

::

    JouleError
    ├── ConfigurationError            a file, option or argument that cannot be used
    ├── SubscriptionError             a live stream that cannot be followed
    ├── PipeError                     a pipe used against its rules
    │   └── EmptyPipeError            (also an ApiError) nothing more will come out of this pipe
    ├── StorageError                  the store cannot do it now
    │   ├── StorageInUseError         another process has the store open
    │   ├── StorageFullError          no room on the device
    │   ├── StorageFormatError        a format this version cannot read
    │   └── StorageDamagedError       a checksum or an invariant does not hold
    └── ApiError                      a request that a node refused
        ├── NodeConnectionError       the node cannot be reached (also a builtin ConnectionError)
        ├── InvalidRequestError       400: the request itself is wrong
        │   ├── InvalidDataStreamParameter
        │   ├── InvalidEventStreamParameter
        │   ├── ConflictError         the name, timestamp or producer is already taken
        │   └── LockedError           configured or in use
        ├── DataError                 400: rows, ranges or layouts against the rules
        │   ├── DuplicateTimestampError
        │   ├── DecimationError       no decimated data for this request
        │   └── NoDataError           the stream has rows, none of them in the range
        ├── AccessDeniedError         403: no key, wrong key, or a key of too small a scope
        └── NotFoundError             404
            └── StreamNotFound        data stream or event stream

The node raises these deep down; ``joule.wire.faults`` maps them to a status and back, so that one
``except`` clause serves local and remote callers.
"""

from __future__ import annotations

import builtins
from typing import Any

__all__ = [
    "AccessDeniedError",
    "ApiError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionError",
    "DataError",
    "DecimationError",
    "DuplicateTimestampError",
    "EmptyPipeError",
    "InvalidDataStreamParameter",
    "InvalidEventStreamParameter",
    "InvalidRequestError",
    "JouleError",
    "LockedError",
    "NoDataError",
    "NodeConnectionError",
    "NotFoundError",
    "PipeError",
    "StorageDamagedError",
    "StorageError",
    "StorageFormatError",
    "StorageFullError",
    "StorageInUseError",
    "StreamNotFound",
    "SubscriptionError",
]


class JouleError(Exception):
    """Base of all errors of this package."""


class ConfigurationError(JouleError):
    """A file, an option or an argument that cannot be used as it is."""


class SubscriptionError(JouleError):
    """A live stream that cannot be followed."""


class PipeError(JouleError):
    """A pipe was used against its rules, or its other end failed."""


class StorageError(JouleError):
    """The store cannot carry out a request now; nothing was changed."""


class StorageInUseError(StorageError):
    """Another process has the store open, a running node say."""


class StorageFullError(StorageError):
    """There is no room left on the device that holds the data."""


class StorageFormatError(StorageError):
    """The data was written in a format that this version cannot read."""


class StorageDamagedError(StorageError):
    """Stored data does not match its checksum or breaks an invariant."""


class ApiError(JouleError):
    """A request that a node refused.

    ``text`` is the reason, ``status`` the HTTP status when the refusal came over the wire. The
    string form is ``<text> [<status>]``, for example ``folder does not exist [404]``.
    """

    def __init__(self, text: str = "", status: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.status = status

    def __str__(self) -> str:
        return self.text if self.status is None else f"{self.text} [{self.status}]"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text, self.status)


class NodeConnectionError(ApiError, builtins.ConnectionError):
    """The node does not answer."""


class InvalidRequestError(ApiError):
    """The request is wrong in itself: a missing or malformed parameter."""


class InvalidDataStreamParameter(InvalidRequestError):
    """The argument does not specify a data stream."""


class InvalidEventStreamParameter(InvalidRequestError):
    """The argument does not specify an event stream."""


class ConflictError(InvalidRequestError):
    """The name or the right to produce a stream is already taken."""


class LockedError(InvalidRequestError):
    """The folder or stream is configured by a file or in use by a module."""


class DataError(ApiError):
    """Rows, ranges or layouts against the rules of a stream."""


class DuplicateTimestampError(DataError):
    """A row with this timestamp is already stored."""


class DecimationError(DataError):
    """No decimated data can be given for this request."""


class NoDataError(DataError):
    """The stream has rows, but none of them in the range."""


class AccessDeniedError(ApiError):
    """No key, an unknown key, or a key whose scope is too small."""


class NotFoundError(ApiError):
    """The thing asked for does not exist."""


class StreamNotFound(NotFoundError):
    """The data stream or event stream does not exist."""


class EmptyPipeError(ApiError, PipeError):
    """The pipe is closed and everything in it has been read."""


def __getattr__(name: str) -> Any:
    # The documented name shadows a builtin; it is served without being defined here.
    if name == "ConnectionError":
        return NodeConnectionError
    raise AttributeError(f"module 'joule.errors' has no attribute {name!r}")
