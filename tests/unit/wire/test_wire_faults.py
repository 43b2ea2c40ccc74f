from __future__ import annotations

import pytest

from joule import errors
from joule.errors import (
    AccessDeniedError,
    ApiError,
    ConflictError,
    DecimationError,
    DuplicateTimestampError,
    InvalidRequestError,
    JouleError,
    LockedError,
    NoDataError,
    NotFoundError,
    StorageFullError,
    StreamNotFound,
)
from joule.wire.faults import error_from, status_of, text_of

ALL_ERRORS = [
    value
    for name in errors.__all__
    if isinstance(value := getattr(errors, name), type) and issubclass(value, JouleError)
]


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_every_error_has_a_status_that_old_clients_do_not_retry(kind: type[JouleError]) -> None:
    assert status_of(kind("text")) in (400, 403, 404, 500)


@pytest.mark.parametrize("kind", [k for k in ALL_ERRORS if issubclass(k, ApiError)])
def test_every_api_error_arrives_as_the_class_that_was_raised(kind: type[ApiError]) -> None:
    status = status_of(kind("why"))
    error = error_from(status, "why", kind.__name__)
    assert type(error) is kind
    assert str(error) == f"why [{status}]"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, "stream does not exist", StreamNotFound),
        (404, "folder does not exist", NotFoundError),
        (403, "Forbidden", AccessDeniedError),
        (400, "this stream has no data", NoDataError),
        (400, 'duplicate key ... Key ("time")=(5) already exists.', DuplicateTimestampError),
        (400, "decimated data is not available: none", DecimationError),
        (400, "DataStream [x] is already being produced", ConflictError),
        (400, "stream is locked", LockedError),
        (400, "specify an id or a path", InvalidRequestError),
        (500, "500 Internal Server Error", ApiError),
    ],
)
@pytest.mark.parametrize("prefix", [True, False])
def test_an_answer_of_an_older_node_is_recognised_by_its_text(
    status: int, body: str, kind: type[ApiError], prefix: bool
) -> None:
    error = error_from(status, f"{status}: {body}" if prefix else body)
    assert type(error) is kind
    assert error.text == body


@pytest.mark.parametrize("kind", ["StorageFullError", "annotations", "no such class", ""])
def test_a_kind_that_is_no_api_error_falls_back_to_the_status(kind: str) -> None:
    assert type(error_from(500, "no room", kind)) is ApiError


def test_the_body_of_an_error_carries_no_status() -> None:
    assert text_of(NotFoundError("folder does not exist", 404)) == "folder does not exist"
    assert text_of(StorageFullError("no room")) == "no room"
