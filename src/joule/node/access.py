"""Who may use the node: masters and their keys, of which only hashes are kept."""

from __future__ import annotations

import hmac
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import TYPE_CHECKING

from joule.errors import ConflictError, InvalidRequestError, NotFoundError
from joule.models.access import MASTER_TYPES, SCOPES, key_hash, new_key
from joule.storage.interfaces import Kind, MasterRecord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from joule.node.catalog.flat import FlatRecords

KEY_LENGTH_MIN = 32
USER = "USER"
ADMIN = "admin"
_OFFERED = "pending"


@dataclass(frozen=True, slots=True)
class Offer:
    """A new key for another node or server, which may use it at once."""

    master: MasterRecord
    key: str


class Access:
    """Keys and their owners. Keys are readable only in the answer that creates them."""

    def __init__(self, records: FlatRecords, node_name: str) -> None:
        self._records = records
        self._node_name = node_name
        self._offered: list[MasterRecord] = []
        self._watchers: list[Callable[[bytes], None]] = []

    def watch(self, revoked: Callable[[bytes], None]) -> None:
        """Have ``revoked`` called with the hash of every key that stops being good."""
        self._watchers.append(revoked)

    def authorise(self, key: str | None) -> MasterRecord | None:
        """Give the owner of a key, None without a key or for an unknown one.

        Takes as long whoever the owner is: every stored hash is compared.
        """
        if not key:
            return None
        return self._owner(key_hash(key))

    def _owner(self, presented: bytes) -> MasterRecord | None:
        owner = None
        for master in (*self._records.masters.values(), *self._offered):
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
            await self._change(known, put=[master])
        return key

    @asynccontextmanager
    async def offered(
        self, kind: str, *, grantor_id: int | None = None, scope: str = ADMIN
    ) -> AsyncIterator[Offer]:
        """Give a new key that is good while the block runs, and for good once it is accepted.

        For another node or server that uses the key before it says that it takes it. Nothing is
        stored before, so that nothing is left of an offer that fails.
        """
        _check(kind, _OFFERED, scope)
        key = new_key()
        id_ = await self._records.new_id(Kind.MASTER)
        master = MasterRecord(id_, _OFFERED, kind, key_hash(key), scope, grantor_id)
        self._offered.append(master)
        try:
            yield Offer(master, key)
        finally:
            self._offered.remove(master)
            self._revoke(master)

    async def accept(self, offer: Offer, name: str) -> None:
        """Make whom the key was offered to a master; one of this type and name gets the key."""
        _check(offer.master.type, name, offer.master.scope)
        async with self._records.turn:
            known = self._find(offer.master.type, name)
            id_ = offer.master.id if known is None else known.id
            await self._change(known, put=[replaced(offer.master, id=id_, name=name)])

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
            await self._change(master, put=orphans, delete=[(Kind.MASTER, master.id)])

    async def _change(
        self,
        before: MasterRecord | None,
        put: Sequence[MasterRecord] = (),
        delete: Sequence[tuple[Kind, int]] = (),
    ) -> None:
        try:
            await self._records.change(put=put, delete=delete)
        finally:
            if before is not None:
                self._revoke(before)

    def _revoke(self, master: MasterRecord) -> None:
        """Tell the watchers unless somebody still has the key."""
        if self._owner(master.key_hash) is None:
            for revoked in self._watchers:
                revoked(master.key_hash)

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
