"""Data archives that are sent to a node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from joule.api.answers import understood
from joule.api.part import NodePart
from joule.errors import ConfigurationError
from joule.utilities import ImportLogger
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from io import BufferedReader
    from os import PathLike

_PIECE_BYTES = 1 << 20


class ArchiveActions(NodePart):
    """Archive methods of a node."""

    async def archive_upload(self, path: str | PathLike[str]) -> ImportLogger:
        """Send an archive file and give what the node has to say about importing it.

        What was imported is stored for certain when this returns. Raises ``ConfigurationError``
        when the file cannot be read.
        """
        try:
            file = await asyncio.to_thread(open, path, "rb")
        except OSError as error:
            raise ConfigurationError(f"cannot read archive [{path}]: {error.strerror}") from error
        try:
            answer = await self.session.upload(Route.ARCHIVE, _pieces(file))
        finally:
            await asyncio.to_thread(file.close)
        report = ImportLogger()
        understood(report.from_json, answer)
        return report


async def _pieces(file: BufferedReader) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece
