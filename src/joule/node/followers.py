"""Followers: the nodes that this one may control, each with the key that opens it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from joule.errors import ConflictError, InvalidRequestError, NotFoundError
from joule.storage.interfaces import FollowerRecord, Kind

if TYPE_CHECKING:
    from joule.node.catalog.flat import FlatRecords

_QUESTIONS_MAX = 4
"""Anybody may ask to be a follower, and each time this node asks back."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node says it is; very old ones have no uuid."""

    name: str
    uuid: str | None


class Identify(Protocol):
    """Asks the node at a URL who it is, with the key that should open it.

    Raises ``InvalidRequestError`` when there is no node, or it does not take the key.
    """

    async def __call__(self, location: str, key: str) -> Identity:
        """See the class."""
        ...


class Followers:
    """The followers of a node. They ask to be some, and are asked back whether they are nodes."""

    def __init__(self, records: FlatRecords, own_uuid: str) -> None:
        self._records = records
        self._own_uuid = own_uuid
        self._questions = asyncio.Semaphore(_QUESTIONS_MAX)

    def list(self) -> list[FollowerRecord]:
        """All followers, in the order in which they were made."""
        return list(self._records.followers.values())

    async def add(self, location: str, key: str, identify: Identify) -> FollowerRecord:
        """Add the node at a URL under the name that it gives itself.

        Takes the place of a follower at the same location, and of one of the same name unless
        that is another node, which still answers where it was.
        """
        async with self._questions:
            found = await identify(location, key)
            if found.uuid == self._own_uuid:
                raise InvalidRequestError("a node cannot be its own follower")
            await self._check_name(found, location, identify)
        return await self._put(found.name, location, key)

    async def _check_name(self, found: Identity, location: str, identify: Identify) -> None:
        """Keep anybody from taking the name, and so the data, of a follower that is in use."""
        for known in self.list():
            if known.name != found.name or known.location == location:
                continue
            try:
                other = await identify(known.location, known.key)
            except InvalidRequestError:
                continue  # it has moved, or is gone
            if other != found:
                raise ConflictError(f"another node at {known.location} is follower [{known.name}]")

    async def _put(self, name: str, location: str, key: str) -> FollowerRecord:
        async with self._records.turn:
            known = [each for each in self.list() if name == each.name or location == each.location]
            id_ = known[0].id if known else await self._records.new_id(Kind.FOLLOWER)
            follower = FollowerRecord(id_, name, location, key)
            doomed = [(Kind.FOLLOWER, each.id) for each in known[1:]]
            await self._records.change(put=[follower], delete=doomed)
        return follower

    async def remove(self, name: str) -> None:
        """Forget a follower; nothing changes on that node."""
        async with self._records.turn:
            doomed = [(Kind.FOLLOWER, each.id) for each in self.list() if each.name == name]
            if not doomed:
                raise NotFoundError("follower not found")
            await self._records.change(delete=doomed)
