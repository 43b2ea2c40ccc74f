"""Spans for a store that was written without them, in steps that may be interrupted anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from joule.errors import StorageDamagedError
from joule.models.layout import Layout
from joule.storage.embedded import span_table
from joule.storage.embedded.chunk_table import ChunkTable
from joule.storage.embedded.chunks import Chunks
from joule.storage.embedded.covering import cover_more
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    import apsw

Position: TypeAlias = "list[int] | None"

_NEXT: Final = """
    SELECT s.id, s.datatype, (SELECT count(*) FROM element e WHERE e.stream_id = s.id)
    FROM data_stream s WHERE s.id >= ? ORDER BY s.id LIMIT 1
"""


def build_spans(connection: apsw.Connection, position: Position) -> Position:
    """Make the next spans; the position is the stream and the level it has come to.

    Streams that the catalog does not know are about to be removed and get none.
    """
    if position is None:
        connection.execute(span_table.SCHEMA)
        connection.execute("DELETE FROM span")
    stream, level = position or (0, 1)
    while (chunks := _chunks(connection, stream)) is not None:
        level = level if chunks.stream.id == stream else 1
        stream = chunks.stream.id
        if _cover_more(chunks, level):
            return [stream, level]
        if chunks.table.spans.top(stream) < level:
            stream += 1
        else:
            level += 1
    return None


def _chunks(connection: apsw.Connection, stream: int) -> Chunks | None:
    """Give the chunks of the first stream from an id on."""
    found = connection.execute(_NEXT, (stream,)).fetchone()
    if found is None:
        return None
    id_, datatype, width = found
    return Chunks(ChunkTable(connection), StreamRef(id_, Layout(datatype, width)))


def _cover_more(chunks: Chunks, level: int) -> bool:
    try:
        return cover_more(chunks, level)
    except StorageDamagedError:
        return False  # whoever reads the rows is told
