"""What a node answered, as the values of the API; an answer that is none of them is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from joule.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_SHOWN_CHARACTERS = 200


def understood(read: Callable[[Any], _T], answer: Any) -> _T:
    """Give what ``read`` makes of an answer; ``ApiError`` when the answer has another form."""
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        shown = repr(answer)[:_SHOWN_CHARACTERS]
        raise ApiError(f"Invalid node response: {shown}") from error


def listed(read: Callable[[Any], _T], answer: Any) -> list[_T]:
    """Give what ``read`` makes of each member of a list."""
    return understood(lambda items: [read(item) for item in items], answer)


def member(key: str, answer: Any) -> Any:
    """Give one value of an object."""
    return understood(lambda item: item[key], answer)
