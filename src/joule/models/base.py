"""What all objects of the domain that a node stores have in common."""

from __future__ import annotations

from joule.errors import ApiError


class Saved:
    """Something that gets an id from the node that stores it.

    Objects made locally have none: reading ``id`` raises :exc:`joule.errors.ApiError`.
    """

    _id: int | None = None

    @property
    def id(self) -> int:
        """The id that the node gave it."""
        if self._id is None:
            raise ApiError("this is a local model with no ID. See API docs")
        return self._id

    @id.setter
    def id(self, value: int | None) -> None:
        self._id = value

    @property
    def is_saved(self) -> bool:
        """Whether a node has given it an id."""
        return self._id is not None


DATATYPES = ("float64", "float32", "int64", "int32", "int16")
"""The datatypes a stream can be stored as."""

KEEP_ALL = -1
KEEP_NONE = 0


def name_fault(name: object) -> str | None:
    """Say what is wrong with the name of a folder or stream, None when it is fine."""
    if not isinstance(name, str) or not name:
        return "missing name"
    if "/" in name:
        return "invalid name, '\\' not allowed"
    return None
