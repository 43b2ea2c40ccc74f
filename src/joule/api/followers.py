"""Followers: the nodes that a node may control."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from joule.api.answers import listed
from joule.api.part import NodePart
from joule.errors import InvalidRequestError
from joule.wire.routes import Route

Follower = TypeVar("Follower", bound=NodePart)


class FollowerActions(NodePart, Generic[Follower]):
    """Follower methods of a node, which gives its followers as ``Follower``."""

    async def follower_list(self) -> list[Follower]:
        """List the nodes that this node may control, ready to be used."""
        return listed(self._follower, await self.session.get(Route.FOLLOWERS))

    async def follower_delete(self, node: NodePart | str) -> None:
        """Forget a follower; its key stays valid there."""
        name = node.name if isinstance(node, NodePart) else node
        if not isinstance(name, str):
            raise InvalidRequestError("Invalid follower datatype. Must be Node or Name")
        await self.session.delete(Route.FOLLOWER, {"name": name})

    async def follower_remove(self, follower: NodePart | str) -> None:
        """Forget a follower, as :meth:`follower_delete` does."""
        await self.follower_delete(follower)

    def _follower(self, item: Any) -> Follower:
        """Make the node object of a follower."""
        raise NotImplementedError
