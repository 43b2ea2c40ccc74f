"""Chunks encoded ahead of the commit that stores them, on threads of their own.

As soon as the rows of a full chunk have come together they are compressed, while the writer thread
is busy with the commit before. What waits encoded is bounded: ``AHEAD_CHUNKS`` of each tail, and
only rows that wait for a commit fill chunks of a tail.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from joule.storage.embedded.chunks import chunk_rows, encode_chunk

if TYPE_CHECKING:
    from joule.storage.embedded.chunk_table import NewChunk
    from joule.storage.embedded.tail import Tail, View
    from joule.storage.interfaces import StreamRef

CHUNKS_PER_COMMIT: Final = 8
"""So many chunks of a stream, 4 MiB of rows, are stored in one transaction."""

AHEAD_CHUNKS: Final = 2 * CHUNKS_PER_COMMIT
"""So many chunks of a stream are encoded: those of the transaction that runs and of the next."""

THREADS: Final = min(os.cpu_count() or 1, 4)


class Encoders:
    """Threads that make chunks of rows."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store-encoder")

    def close(self) -> None:
        """Finish what was begun and end the threads. Idempotent."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def follow(self, tail: Tail) -> None:
        """Begin with the chunks that the rows at the front of a tail fill by now."""
        size = chunk_rows(tail.stream.layout.row_bytes)
        while len(tail.encoded) < min(tail.rows // size, AHEAD_CHUNKS):
            start = len(tail.encoded) * size
            tail.encoded.append(self._threads.submit(_encode, tail.stream, tail.view(), start))

    def retry(self, tail: Tail) -> None:
        """As :meth:`follow`, and begin again with chunks that could not be encoded."""
        for number, encoded in enumerate(tail.encoded):
            if encoded.done() and encoded.exception() is not None:
                del tail.encoded[number:]
                break
        self.follow(tail)


def _encode(stream: StreamRef, view: View, start: int) -> NewChunk:
    size = chunk_rows(stream.layout.row_bytes)
    return encode_chunk(stream, view.part(start, start + size))
