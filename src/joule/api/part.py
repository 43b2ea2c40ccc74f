"""What the parts of a node's interface have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joule.api.session import Session


class NodePart:
    """The methods about one noun; a node is made of these.

    All methods are coroutines. Each raises the :exc:`joule.errors.ApiError` that the node answers
    with, and its subclass ``NodeConnectionError`` when the node does not answer.
    """

    session: Session
    name: str
    url: str
