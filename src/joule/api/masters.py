"""Masters: the users, nodes and Lumen servers that may control a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.api import targets
from joule.api.answers import listed, member
from joule.api.part import NodePart
from joule.errors import InvalidRequestError
from joule.models.access import Master
from joule.wire.json_models import master_from_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADMIN = "admin"
_TYPES = {
    "user": "user",
    "joule": "joule",
    "joule_node": "joule",
    "lumen": "lumen",
    "lumen_node": "lumen",
}


class MasterActions(NodePart):
    """Master methods of a node."""

    async def master_list(self) -> list[Master]:
        """List who may control the node; keys are not shown."""
        return listed(master_from_json, await self.session.get(Route.MASTERS))

    async def master_add(
        self,
        master_type: str,
        identifier: str,
        lumen_parameters: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        *,
        scope: str = _ADMIN,
    ) -> Master:
        """Grant a user (name), a node (URL or host) or a Lumen server (URL or host) access.

        ``master_type`` is ``user``, ``joule_node`` or ``lumen_node`` (``joule`` and ``lumen`` for
        short). A user gets ``api_key``, at least 32 characters, or a new key: it is readable in
        the result, and nowhere else. ``lumen_parameters`` are what a Lumen server asks for.
        ``scope`` is what the key allows: ``read``, ``write`` as well, or everything (``admin``);
        nodes of Joule 1.0 know only the last, and raise ``InvalidRequestError`` for the others.
        """
        body: dict[str, Any] = {
            "master_type": _type(master_type),
            "identifier": identifier,
            "lumen_params": lumen_parameters,
            "api_key": api_key,
        }
        if scope != _ADMIN:
            await self._check_scopes()
            body["scope"] = scope
        answer = await self.session.post(Route.MASTER, body)
        if body["master_type"] == "user":
            return Master(master_type, identifier, str(member("key", answer)), scope)
        return Master(master_type, str(member("name", answer)), scope=scope)

    async def master_delete(self, master_type: str, name: str) -> None:
        """Take access away from a master."""
        await self.session.delete(Route.MASTER, {"master_type": _type(master_type), "name": name})

    async def master_remove(self, master: Master | str) -> None:
        """Take access away from a master; a name must belong to one master only.

        Raises ``InvalidRequestError`` when there are several, or none, of that name.
        """
        if isinstance(master, str):
            master = await self._master_named(master)
        targets.instance(master, Master, "master")
        await self.master_delete(master.master_type, master.name)

    master_removet = master_remove

    async def _check_scopes(self) -> None:
        """Raise when the node would give full access whatever it is asked for."""
        known = await self.session.get(Route.MASTERS)
        if not all(isinstance(master, dict) and "scope" in master for master in known):
            raise InvalidRequestError("this node does not know scopes, its keys allow everything")

    async def _master_named(self, name: str) -> Master:
        found = [master for master in await self.master_list() if master.name == name]
        if len(found) != 1:
            count = "no master is" if not found else f"{len(found)} masters are"
            raise InvalidRequestError(f"{count} called [{name}]")
        return found[0]


def _type(master_type: str) -> str:
    kind = _TYPES.get(str(master_type).lower())
    if kind is None:
        raise InvalidRequestError("master_type must be [user|joule|lumen]")
    return kind
