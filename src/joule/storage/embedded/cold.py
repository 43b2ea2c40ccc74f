"""Chunks that have become old, stored anew in the smaller encoding, a few at a time.

How far this has come is kept for each stream. What is changed behind that place stays in the
usual encoding: readers take both.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, Final

from joule.errors import StorageDamagedError
from joule.models.intervals import MIN_TIME
from joule.storage.codec import encode_cold
from joule.storage.embedded.chunk_table import ChunkTable
from joule.storage.embedded.chunks import Chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

    from joule.storage.embedded.chunk_table import Chunk
    from joule.storage.interfaces import StreamRef

SCHEMA: Final = """
    -- Chunks with rows before this time have been looked at.
    CREATE TABLE IF NOT EXISTS cold (stream INTEGER PRIMARY KEY, time INTEGER NOT NULL);
"""
CHUNKS_PER_STEP: Final = 4
YOUNG_CHUNKS: Final = 8
"""So many last chunks of a stream are left alone: they may still be merged."""

_log = logging.getLogger(__name__)


def recode(connection: apsw.Connection, stream: StreamRef) -> bool:
    """Store the next few old chunks of a stream anew; whether there may be more."""
    chunks = Chunks(ChunkTable(connection), stream)
    found = connection.execute("SELECT time FROM cold WHERE stream = ?", (stream.id,)).fetchone()
    start = MIN_TIME if found is None else found[0]
    following = chunks.table.following(stream.id, start)
    old = list(islice(following, CHUNKS_PER_STEP + YOUNG_CHUNKS))[:-YOUNG_CHUNKS]
    for chunk in old:
        _recode_chunk(chunks, chunk)
    if old:
        bounds = (stream.id, old[-1].last + 1)
        connection.execute("INSERT OR REPLACE INTO cold VALUES (?, ?)", bounds)
    return len(old) == CHUNKS_PER_STEP


def forget(connection: apsw.Connection, streams: Iterable[int]) -> None:
    """Remove what is kept for streams that are gone."""
    rows = [(stream,) for stream in streams]
    connection.executemany("DELETE FROM cold WHERE stream = ?", rows)


def _recode_chunk(chunks: Chunks, chunk: Chunk) -> None:
    try:
        data = encode_cold(chunks.load(chunk).rows)
    except StorageDamagedError as error:
        _log.warning("left as it is: %s", error)
        return
    if data is not None and len(data) < chunk.data_bytes:
        chunks.table.replace_data(chunks.stream.id, chunk, data)
