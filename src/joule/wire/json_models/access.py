"""JSON of masters, followers and the node itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from joule.models.access import Master, NodeInfo
from joule.wire.json_models import values as check

if TYPE_CHECKING:
    from joule.wire.json_models.values import JsonObject


class StoredMaster(Protocol):
    """What a node keeps of a master, its key aside."""

    @property
    def id(self) -> int:
        """Id of the record."""
        ...

    @property
    def name(self) -> str:
        """Name of the user or node."""
        ...

    @property
    def type(self) -> str:
        """``USER``, ``JOULE_NODE`` or ``LUMEN_NODE``."""
        ...

    @property
    def scope(self) -> str:
        """``read``, ``write`` or ``admin``."""
        ...

    @property
    def grantor_id(self) -> int | None:
        """Id of the master who added this one, None for the node itself."""
        ...


class StoredFollower(Protocol):
    """What a node keeps of a node that it may control."""

    @property
    def id(self) -> int:
        """Id of the record."""
        ...

    @property
    def name(self) -> str:
        """Name of the user or node."""
        ...

    @property
    def location(self) -> str:
        """URL of the node."""
        ...

    @property
    def key(self) -> str:
        """API key that opens it."""
        ...


def master_to_json(master: StoredMaster) -> JsonObject:
    """JSON of a master; its key is never shown."""
    return {
        "id": master.id,
        "name": master.name,
        "type": master.type,
        "scope": master.scope,
        "grantor_id": master.grantor_id,
    }


def master_from_json(json: object) -> Master:
    """Make a master; nodes that know no scopes give full access."""
    item = check.as_object(json, "master")
    return Master(
        master_type=check.as_text(item["type"], "type"),
        name=check.as_text(item["name"], "name"),
        scope=check.as_text(item.get("scope", "admin"), "scope"),
    )


def follower_to_json(follower: StoredFollower) -> JsonObject:
    """JSON of a follower, with the key that opens it."""
    return {
        "id": follower.id,
        "name": follower.name,
        "location": follower.location,
        "key": follower.key,
    }


def node_info_from_json(version: object, usage: object) -> NodeInfo:
    """Make a node's description of the answers to ``/version.json`` and ``/dbinfo``."""
    about = check.as_object(version, "version")
    disk = check.as_object(usage, "dbinfo")
    return NodeInfo(
        version=check.as_text(about["version"], "version"),
        name=check.as_text(about["name"], "name"),
        path=check.as_text(disk["path"], "path"),
        size_db=check.as_integer(disk["size"], "size"),
        size_other=check.as_integer(disk["other"], "other"),
        size_reserved=check.as_integer(disk["reserved"], "reserved"),
        size_free=check.as_integer(disk["free"], "free"),
        fault=None if disk.get("fault") is None else check.as_text(disk["fault"], "fault"),
    )
