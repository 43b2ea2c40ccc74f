"""How far the exporters of Joule 1.0 have come, which it keeps in ``metadata.exporter_state``."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from joule.storage.interfaces import EXPORTERS_1_0
from joule.storage.postgres.catalog.catalog import SET_PROPERTY

if TYPE_CHECKING:
    from asyncpg import Connection

_STATES: Final = """
SELECT name, source_type, coalesce(source_label, ''), state ->> 'last_timestamp'
FROM metadata.exporter_state ORDER BY id
"""
_TIME: Final = re.compile(r"[0-9]{1,18}")


async def adopt(connection: Connection) -> None:
    """Keep it as a property, anew each time: Joule 1.0 may have been run again."""
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for exporter, kind, label, time in await connection.fetch(_STATES):
        if time is not None and _TIME.fullmatch(time):
            found[exporter][kind][label] = int(time)
    if found:
        await connection.execute(SET_PROPERTY, EXPORTERS_1_0, json.dumps(found))
