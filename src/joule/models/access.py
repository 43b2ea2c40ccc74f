"""Who may use a node, and which nodes it may use."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

MASTER_TYPES = ("USER", "JOULE_NODE", "LUMEN_NODE")
SCOPES = ("read", "write", "admin")


def new_key() -> str:
    """Make a random API key: 43 URL-safe characters, 32 random bytes.

    None begins with a hyphen, since a command would take it for an option.
    """
    while (key := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return key


def key_hash(key: str) -> bytes:
    """Give what a node keeps of a key: its SHA-256, from which the key cannot be had back."""
    # Bytes of a header that are no text arrive as lone surrogates.
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()


@dataclass(slots=True)
class Master:
    """A user, Joule node or Lumen server that may control a node.

    ``key`` is readable only in the answer that creates it.
    """

    master_type: str
    name: str
    key: str = "omitted"
    scope: str = "admin"


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Version and disk use of a node in bytes, -1 where its database is on another host.

    ``fault`` says why the node cannot store rows now, None when it can.
    """

    version: str
    name: str
    path: str
    size_db: int
    size_other: int
    size_reserved: int
    size_free: int
    fault: str | None = None
