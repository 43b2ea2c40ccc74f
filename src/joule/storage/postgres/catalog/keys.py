"""Masters and their keys.

Joule 1.0 keeps keys in clear text. Here their SHA-256 is kept, with the scope, in
``joule.master_access``. The clear text of keys that Joule 1.0 has given stays where it is, so that
it can be run again, until :func:`hide` is called. A master that is added here has
``sha256:<hash>`` in place of the key, which Joule 1.0 takes for the key of somebody who never
comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.interfaces import MasterRecord
from joule.storage.postgres.catalog.catalog_rows import arrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg import Connection

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS joule.master_access (
    master_id int PRIMARY KEY, key_hash bytea NOT NULL, scope text NOT NULL
);
"""

_IS_HASH: Final = "key ~ '^sha256:[0-9a-f]{64}$'"
_HASH: Final = f"""
CASE WHEN {_IS_HASH} THEN decode(substr(key, 8), 'hex') ELSE sha256(convert_to(key, 'UTF8')) END
"""
# Joule 1.0 may have given somebody another key, and his number to nobody else.
_ADOPT: Final = f"""
INSERT INTO joule.master_access SELECT id, {_HASH}, 'admin' FROM metadata.master
ON CONFLICT (master_id) DO UPDATE SET key_hash = excluded.key_hash, scope = excluded.scope
WHERE master_access.key_hash <> excluded.key_hash
"""
_FORGET: Final = """
DELETE FROM joule.master_access WHERE master_id NOT IN (SELECT id FROM metadata.master)
"""
_LOAD: Final = """
SELECT id, name, coalesce(type::text, 'USER'), key_hash, scope, grantor_id
FROM metadata.master JOIN joule.master_access ON master_id = id ORDER BY id
"""
_PUT: Final = f"""
INSERT INTO metadata.master AS stored (id, name, key, type, grantor_id)
SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::type[], $5::int[])
ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type,
    grantor_id = excluded.grantor_id,
    key = CASE WHEN 'sha256:' || encode({_HASH.replace("key", "stored.key")}, 'hex') = excluded.key
          THEN stored.key ELSE excluded.key END
"""
_PUT_ACCESS: Final = """
INSERT INTO joule.master_access SELECT * FROM unnest($1::int[], $2::bytea[], $3::text[])
ON CONFLICT (master_id) DO UPDATE SET key_hash = excluded.key_hash, scope = excluded.scope
"""
_RELEASE: Final = """
UPDATE metadata.master SET grantor_id = NULL WHERE grantor_id = ANY($1::int[])
"""
_DELETE: Final = "DELETE FROM metadata.master WHERE id = ANY($1::int[])"
_CLEAR: Final = f"SELECT name FROM metadata.master WHERE NOT {_IS_HASH} ORDER BY id"
_HIDE: Final = f"""
UPDATE metadata.master SET key = 'sha256:' || encode({_HASH}, 'hex') WHERE NOT {_IS_HASH}
"""


async def adopt(connection: Connection) -> None:
    """Note the hashes of keys that Joule 1.0 has given since we were here."""
    await connection.execute(_ADOPT)
    await connection.execute(_FORGET)


async def load_masters(connection: Connection) -> tuple[MasterRecord, ...]:
    """Give all masters by id."""
    return tuple(MasterRecord(*row) for row in await connection.fetch(_LOAD))


async def put_masters(connection: Connection, masters: Sequence[MasterRecord]) -> None:
    """Insert or update masters; a key in clear text stays as long as it is the same key."""
    if not masters:
        return
    rows = [(m.id, m.name, f"sha256:{m.key_hash.hex()}", m.type, m.grantor_id) for m in masters]
    await connection.execute(_PUT, *arrays(rows))
    access = [(m.id, m.key_hash, m.scope) for m in masters]
    await connection.execute(_PUT_ACCESS, *arrays(access))


async def delete_masters(connection: Connection, ids: Sequence[int]) -> None:
    """Delete masters; those that they added stay."""
    if ids:
        await connection.execute(_RELEASE, ids)
        await connection.execute(_DELETE, ids)
        await connection.execute(_FORGET)


async def clear_names(connection: Connection) -> list[str]:
    """Give the names of the masters whose keys are in clear text."""
    return [name for (name,) in await connection.fetch(_CLEAR)]


async def hide(connection: Connection) -> None:
    """Replace keys in clear text by their hashes; Joule 1.0 does not know their owners any more."""
    await connection.execute(_HIDE)
