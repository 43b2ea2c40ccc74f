"""How damage is reported: each place that finds some says what it is part of."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from joule.errors import StorageDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.storage.interfaces import StreamRef

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def reported_as(place: str) -> Iterator[None]:
    """Put a place in front of what a ``StorageDamagedError`` says."""
    try:
        yield
    except StorageDamagedError as error:
        raise StorageDamagedError(f"{place}: {error}") from error


def stream_name(stream: StreamRef) -> str:
    """Name a stream to its user."""
    name = f" [{stream.name}]" if stream.name else ""
    return f"data stream{name} (id {stream.id})"


def time_range(first: int, last: int) -> str:
    """Name a range of UNIX microseconds, both ends inclusive, to its user."""
    return f"{time_text(first)} to {time_text(last)}"


def time_text(time: int) -> str:
    """Name a time in UNIX microseconds to its user."""
    try:
        return (_EPOCH + timedelta(microseconds=time)).isoformat()
    except OverflowError:
        return f"{time} us"
