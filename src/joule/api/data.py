"""The rows of data streams."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from joule.api import targets
from joule.api.answers import listed, member, understood
from joule.api.data_streams import DataStreamActions
from joule.errors import ConflictError, DataError, InvalidRequestError
from joule.models.streams import DataStream
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.api.targets import DataStreamSpec, Params
    from joule.api.writing import UploadPipe
    from joule.models.layout import Rows
    from joule.models.pipes import InputPipe

log = logging.getLogger(__name__)


class DataActions(DataStreamActions):
    """Data methods of a node.

    Times are UNIX microseconds, fractions of which are dropped; ranges are ``[start, end)`` and a
    bound that is not given is that of the stream.
    """

    async def data_read(
        self,
        stream: DataStreamSpec,
        start: float | None = None,
        end: float | None = None,
        max_rows: int | None = None,
    ) -> InputPipe:
        """Read stored rows through a pipe, which must be closed after use.

        With ``max_rows`` a view with at most about that many rows is given: each row stands for
        ``pipe.decimation_level`` rows (a power of 4) and has three times the elements as float32,
        all means, then all minima, then all maxima. A range without rows gives a pipe that has
        ended. The pipe's reads raise ``NodeConnectionError`` when the connection breaks off.
        """
        params = _range(start, end, max_rows)
        source = await self._resolved(stream)
        return await self._reading(source, {"id": source.id} | params)

    async def data_read_array(
        self,
        stream: DataStreamSpec,
        start: float | None = None,
        end: float | None = None,
        max_rows: int | None = 10_000,
        flatten: bool = False,
    ) -> Rows:
        """Read stored rows into one array, interval breaks ignored.

        More than ``max_rows`` rows are decimated as in :meth:`data_read`; None reads all rows as
        they are. Gives ``(n,)`` rows, or with ``flatten`` a 2-D array with the timestamps in column
        0. Raises ``PipeError`` (``No data in pipe``) when there are no rows in the range.
        """
        from joule.api.reading import read_array  # numpy, which few commands need
        from joule.models.layout import flat

        params = targets.data_stream(stream) | _range(start, end, max_rows)
        rows, level = await read_array(self.session, params)
        if level > 1:
            log.info("data_read_array: each row of [%s] stands for %d", stream, level)
        return cast("Rows", flat(rows)) if flatten else rows

    async def data_subscribe(self, stream: DataStreamSpec, start: float | None = None) -> InputPipe:
        """Follow the rows of a stream as they are produced, through a pipe that must be closed.

        With ``start`` the rows stored since that time come first, without gap or repetition. The
        pipe ends with its producer; with ``start``, a stream that nobody produces now gives what
        is stored. Without it that is an ``InvalidRequestError`` (``is not being produced``).
        """
        source = await self.data_stream_get(stream)
        if start is None and not source.is_destination:
            raise InvalidRequestError(
                f"DataStream [{source.name}] is not being produced, "
                "specify time bounds for historic execution"
            )
        params = {"id": source.id, "subscribe": 1} | targets.bounds(start, None)
        return await self._reading(source, params)

    async def data_write(
        self,
        stream: DataStreamSpec,
        start: float | None = None,
        end: float | None = None,
        merge_gap: int = 0,
    ) -> UploadPipe:
        """Write rows through a pipe; they are stored for certain when closing it has returned.

        With a bound the rows in ``[start, end)`` are deleted first. What is written begins a new
        interval, unless the rows before it are at most ``merge_gap`` us earlier. Timestamps must
        strictly rise and values be finite, else the pipe's ``write`` raises ``DataError``. Raises
        ``ConflictError`` when the stream ``is already being produced``, unless ``end`` is not
        behind its newest row: the past can be written beside the producer. Raises ``DataError``
        when the layout of a stream object is not that of the node's stream.
        """
        if int(merge_gap) < 0:
            raise InvalidRequestError("merge-gap must be >= 0")
        limits = targets.bounds(start, end)
        target = await self.data_stream_get(stream)
        if isinstance(stream, DataStream):
            _compare(stream, target)
        params = {"id": target.id, "merge-gap": int(merge_gap)}
        if target.is_destination:
            if not await self._is_past(target, end):
                raise ConflictError(f"DataStream [{target.name}] is already being produced")
            params["backfill"] = 1
        if limits:
            await self.session.delete(Route.DATA, {"id": target.id} | limits)
        from joule.api.writing import UploadPipe  # numpy, which few commands need

        return UploadPipe(self.session, target, params)

    async def data_delete(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> None:
        """Delete the rows in ``[start, end)``; an interval they were in the middle of is split."""
        params = targets.data_stream(stream) | targets.bounds(start, end)
        await self.session.delete(Route.DATA, params)

    async def data_intervals(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> list[list[int]]:
        """List the intervals as ``[first timestamp, last timestamp + 1]`` in UNIX us."""
        params = targets.data_stream(stream) | targets.bounds(start, end)
        answer = await self.session.get(Route.DATA_INTERVALS, params)
        return listed(lambda pair: [int(pair[0]), int(pair[1])], answer)

    async def data_consolidate(
        self,
        stream: DataStreamSpec,
        max_gap: int,
        start: float | None = None,
        end: float | None = None,
    ) -> int:
        """Join intervals that are at most ``max_gap`` us apart; gives how many breaks went."""
        params = targets.data_stream(stream) | targets.bounds(start, end)
        params["max_gap"] = int(max_gap)
        answer = await self.session.post(Route.DATA_CONSOLIDATE, params=params)
        return understood(int, member("num_consolidated", answer))

    async def data_decimate(self, stream: DataStreamSpec) -> None:
        """Compute the decimated views of a stream anew."""
        await self.session.post(Route.DATA_DECIMATE, params=targets.data_stream(stream))

    async def data_drop_decimations(self, stream: DataStreamSpec) -> None:
        """Remove the stored decimated views of a stream."""
        await self.session.delete(Route.DATA_DECIMATE, targets.data_stream(stream))

    async def _is_past(self, stream: DataStream, end: float | None) -> bool:
        if end is None:
            return False
        newest = (await self.data_stream_info(stream)).end
        return newest is not None and int(end) <= newest

    async def _reading(self, stream: DataStream, params: Params) -> InputPipe:
        from joule.api.reading import open_reading  # numpy, which few commands need

        return await open_reading(self.session, stream, params)

    async def _resolved(self, stream: DataStreamSpec) -> DataStream:
        return stream if isinstance(stream, DataStream) else await self.data_stream_get(stream)


def _range(start: float | None, end: float | None, max_rows: int | None) -> Params:
    """Give the parameters that say which rows to read, and how many at most."""
    params = targets.bounds(start, end)
    if max_rows is not None:
        params["max-rows"] = int(max_rows)
    return params


def _compare(given: DataStream, stored: DataStream) -> None:
    """Check that rows made for ``given`` fit into ``stored``."""
    if given.layout != stored.layout:
        raise DataError(
            f"DataStream [{stored.name}] has layout [{stored.layout}], not [{given.layout}]"
        )
    names = [element.name for element in given.elements]
    stored_names = [element.name for element in stored.elements]
    if names != stored_names:
        log.warning("DataStream [%s] has elements %s, not %s", stored.name, stored_names, names)
