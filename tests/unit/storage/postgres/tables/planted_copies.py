"""A stream of a hundred rows, ten of which make one copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.tables import compressed_table, table_making
from joule.storage.postgres.tables.copying import copy_in
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

STREAM: Final = StreamRef(1, Layout("int16", 1))
ROWS: Final = make_rows(STREAM.layout, np.arange(0, 1000, 10))
ENDS: Final = [0, 91, 191, 291, 391, 491, 591, 691, 791, 891, 991]
"""The copies lie between these."""


async def make_watched(connection: Connection, stream_id: int) -> None:
    """Make the tables of a stream with these rows, and watch them."""
    await table_making.make(connection, StreamRef(stream_id, STREAM.layout))
    await copy_in(connection, f"stream{stream_id}", ROWS)
    await compressed_table.watch(connection, stream_id)
