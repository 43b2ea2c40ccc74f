"""How errors travel: an error has a status, a body and a kind, and becomes the same error again.

The body is the bare text of the error; the header :data:`FAULT_HEADER` carries the name of its
class. Answers of nodes that send no such header are recognised by status and documented text.
"""

from __future__ import annotations

from joule import errors
from joule.errors import (
    AccessDeniedError,
    ApiError,
    ConfigurationError,
    ConflictError,
    DataError,
    DecimationError,
    DuplicateTimestampError,
    InvalidRequestError,
    JouleError,
    LockedError,
    NoDataError,
    NotFoundError,
    PipeError,
    StorageError,
    StreamNotFound,
    SubscriptionError,
)

FAULT_HEADER = "X-Joule-Fault"

NO_DATA = "this stream has no data"
"""The exact body that says there are no rows in a range."""

_STATUS: tuple[tuple[type[JouleError], int], ...] = (
    (AccessDeniedError, 403),
    (NotFoundError, 404),
    (ApiError, 400),
    (ConfigurationError, 400),
    (SubscriptionError, 400),
    (PipeError, 400),
    (StorageError, 500),
)
"""The first class that fits decides. 500 for the store: clients of 1.0 try again above that."""

_KNOWN_TEXTS: tuple[tuple[int, str, type[ApiError]], ...] = (
    (404, "stream does not exist", StreamNotFound),
    (404, "", NotFoundError),
    (403, "", AccessDeniedError),
    (400, "already exists", DuplicateTimestampError),
    (400, "decimated data is not available", DecimationError),
    (400, "timestamps in new data", DataError),
    (400, "Invalid values", DataError),
    (400, "is already being produced", ConflictError),
    (400, "with the same name exists", ConflictError),
    (400, "with this name is in the destination", ConflictError),
    (400, "is locked", LockedError),
    (400, "", InvalidRequestError),
)
"""Status and part of the text that nodes without the header use for a kind of error."""


def status_of(error: JouleError) -> int:
    """Give the HTTP status that an error is answered with."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return 500


def text_of(error: JouleError) -> str:
    """Give the bare reason of an error, without a status."""
    return error.text if isinstance(error, ApiError) else str(error)


def error_from(status: int, text: str, kind: str | None = None) -> ApiError:
    """Make the error that a node answered with.

    ``text`` is the body of the answer and ``kind`` the value of :data:`FAULT_HEADER`, None from a
    node that does not send it. The ``<status>: `` that such nodes put before the text is dropped.
    """
    reason = text.strip().removeprefix(f"{status}: ")
    named = None if kind is None else getattr(errors, kind, None)
    if isinstance(named, type) and issubclass(named, ApiError):
        return named(reason, status)
    return _recognise(status, reason)(reason, status)


def _recognise(status: int, reason: str) -> type[ApiError]:
    if status == 400 and reason == NO_DATA:
        return NoDataError
    for known, part, kind in _KNOWN_TEXTS:
        if status == known and part in reason:
            return kind
    return ApiError
