"""Who may use the node: masters and their keys, of which only hashes are kept.

And the other way round its followers, the nodes that this one may use.
"""

from __future__ import annotations

import hmac
from dataclasses import replace as replaced
from typing import TYPE_CHECKING

from joule.errors import ConflictError, InvalidRequestError, NotFoundError
from joule.models.access import MASTER_TYPES, SCOPES, key_hash, new_key
from joule.storage.interfaces import Kind, MasterRecord

if TYPE_CHECKING:
    from joule.node.catalog.flat import FlatRecords

KEY_LENGTH_MIN = 32
USER = "USER"
ADMIN = "admin"


class Access:
    """Keys and their owners. Keys are readable only in the answer that creates them."""

    def __init__(self, records: FlatRecords, node_name: str) -> None:
        self._records = records
        self._node_name = node_name

    def authorise(self, key: str | None) -> MasterRecord | None:
        """Give the owner of a key, None without a key or for an unknown one.

        Takes as long whoever the owner is: every stored hash is compared.
        """
        if not key:
            return None
        presented = key_hash(key)
        owner = None
        for master in self._records.masters.values():
            if hmac.compare_digest(presented, master.key_hash):
                owner = master
        return owner

    def list(self) -> list[MasterRecord]:
        """All masters, in the order in which they were made."""
        return list(self._records.masters.values())

    async def add_user(
        self,
        name: str,
        key: str | None = None,
        *,
        grantor_id: int | None = None,
        replace: bool = False,
        scope: str = ADMIN,
        key_length_min: int = KEY_LENGTH_MIN,
    ) -> str:
        """Add a user and give the key, a new one unless ``key`` is given.

        ``replace`` gives a user that exists already this key instead of raising ``ConflictError``.
        """
        return await self.add(
            USER,
            name,
            key,
            grantor_id=grantor_id,
            replace=replace,
            scope=scope,
            key_length_min=key_length_min,
        )

    async def add(
        self,
        kind: str,
        name: str,
        key: str | None = None,
        *,
        grantor_id: int | None = None,
        replace: bool = False,
        scope: str = ADMIN,
        key_length_min: int = KEY_LENGTH_MIN,
    ) -> str:
        """Add a master of any type (``USER``, ``JOULE_NODE``, ``LUMEN_NODE``); see `add_user`."""
        _check(kind, name, scope)
        key = _checked_key(key, key_length_min)
        async with self._records.turn:
            known = self._find(kind, name)
            if known is not None and not replace:
                who = "User" if kind == USER else name
                raise ConflictError(f"{who} already exists")
            self._check_not_shared(key, known)
            if known is None:
                id_ = await self._records.new_id(Kind.MASTER)
                master = MasterRecord(id_, name, kind, key_hash(key), scope, grantor_id)
            else:
                master = replaced(known, key_hash=key_hash(key), scope=scope)
            await self._records.change(put=[master])
        return key

    async def remove(self, name: str, kind: str = USER) -> None:
        """Remove a master; ``NotFoundError`` when there is none. Those it added stay."""
        async with self._records.turn:
            master = self._find(kind, name)
            if master is None:
                raise NotFoundError(
                    f"{kind.lower()} [{name}] is not a master of node [{self._node_name}]"
                )
            orphans = [
                replaced(other, grantor_id=None)
                for other in self._records.masters.values()
                if other.grantor_id == master.id
            ]
            await self._records.change(put=orphans, delete=[(Kind.MASTER, master.id)])

    async def remove_follower(self, name: str) -> None:
        """Forget a node that this one may control; nothing changes on that node."""
        async with self._records.turn:
            known = self._records.followers.values()
            doomed = [(Kind.FOLLOWER, follower.id) for follower in known if follower.name == name]
            if not doomed:
                raise NotFoundError("follower not found")
            await self._records.change(delete=doomed)

    def _find(self, kind: str, name: str) -> MasterRecord | None:
        for master in self._records.masters.values():
            if (master.type, master.name) == (kind, name):
                return master
        return None

    def _check_not_shared(self, key: str, known: MasterRecord | None) -> None:
        owner = self.authorise(key)
        if owner is not None and (known is None or owner.id != known.id):
            raise ConflictError("this API key belongs to somebody else")


def _check(kind: str, name: str, scope: str) -> None:
    if kind not in MASTER_TYPES:
        raise InvalidRequestError(f"master type must be one of {', '.join(MASTER_TYPES)}")
    if not name:
        raise InvalidRequestError("specify a name")
    if scope not in SCOPES:
        raise InvalidRequestError(f"scope must be one of {', '.join(SCOPES)}")


def _checked_key(key: str | None, length_min: int) -> str:
    if key is None:
        return new_key()
    if len(key) < length_min:
        raise InvalidRequestError(f"API Key must be at least {length_min} characters")
    return key
