"""What a storage engine offers: three small protocols, and the engine that carries them.

``CatalogStore`` keeps metadata, ``EventStore`` events, ``SampleStore`` rows. The node is written
against these alone; ``tests/contract/`` holds every engine to the same suite. Engines hand out
copies, never live objects, and do their blocking work off the event loop.

All times are integer UNIX microseconds, ranges are ``[start, end)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from joule.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.models.decimation import Groups
    from joule.models.events import Event
    from joule.models.filters import EventFilter
    from joule.models.intervals import Interval
    from joule.models.layout import Layout, Rows
    from joule.utilities.connection_info import ConnectionInfo


# --------------------------------------------------------------------------- samples


@dataclass(frozen=True, slots=True)
class StreamRef:
    """What an engine needs to know of a data stream: its id, its layout, whether to decimate.

    ``name`` is for messages alone.
    """

    id: int
    layout: Layout
    decimate: bool = True
    name: str = field(default="", compare=False)


class Block(NamedTuple):
    """Consecutive rows of one interval.

    ``rows`` is ``(n,)`` in the stream's dtype, timestamps strictly increasing, not to be written
    to. ``starts_interval`` says that a break lies between these rows and the block before; it is
    False for the first block of a read. A read whose range reaches past the end of an interval
    into a gap, with no further rows, ends with a block of no rows and ``starts_interval`` True.
    """

    rows: Rows
    starts_interval: bool


class DecimatedBlock(NamedTuple):
    """Consecutive groups of one interval; ``starts_interval`` as in :class:`Block`."""

    groups: Groups
    starts_interval: bool


@dataclass(frozen=True, slots=True)
class SampleInfo:
    """Exact number of rows, first and last timestamp (None when empty) and bytes on disk."""

    rows: int = 0
    start: int | None = None
    end: int | None = None
    bytes: int = 0


class RowsRefusedError(StorageError):
    """The store does not take the rows of the streams with these ids; all others are stored."""

    def __init__(self, message: str, streams: frozenset[int]) -> None:
        super().__init__(message, streams)
        self.streams = streams

    def __str__(self) -> str:
        return str(self.args[0])


class SampleStore(Protocol):
    """Rows of all data streams, their intervals and their decimated views.

    A break is a place between two neighbouring rows of a stream. Rows are accepted in two ways:
    :meth:`append` puts rows behind the last one, in memory, and :meth:`commit` makes all that was
    appended durable in one group; :meth:`insert` merges late rows and is durable when it returns.
    Every read sees the rows accepted before it began, committed or not.
    """

    @property
    def pending_bytes(self) -> int:
        """Bytes appended and not yet covered by a finished :meth:`commit`."""
        ...

    def append(self, stream: StreamRef, rows: Rows, *, starts_interval: bool = False) -> None:
        """Accept rows behind the stream's last row; visible at once, durable after a commit.

        ``rows`` is ``(n,)`` in the stream's dtype with strictly increasing timestamps, all later
        than the last row (the caller has checked). The engine takes ownership: the caller must
        not change them afterwards. ``starts_interval`` puts a break before the first of them.
        """
        ...

    async def commit(self) -> None:
        """Make everything appended before this call durable, all streams in one group.

        Returns when it is on stable storage. Raises ``StorageFullError`` or ``StorageError`` when
        that fails: the rows stay accepted and visible and the next commit tries them again. Raises
        ``RowsRefusedError`` when only those of some streams cannot be stored.
        Cancelling the caller does not undo a commit that has begun.
        """
        ...

    async def make_room(self) -> None:
        """Make a good part of what is pending durable, the oldest rows of a stream first.

        As :meth:`commit`, but rows that are better stored together with later ones may go on
        waiting.
        """
        ...

    async def insert(
        self, stream: StreamRef, rows: Rows, *, starts_interval: bool, ends_interval: bool
    ) -> None:
        """Merge rows anywhere into the stream; durable on return, intervals and groups included.

        The flags say whether there is a break before the first and after the last of ``rows``
        afterwards, whatever was there. A break that one of the rows falls into is gone, others
        stay. Raises ``DuplicateTimestampError`` naming the first timestamp that is already stored;
        then nothing has changed.
        """
        ...

    async def last_before(self, stream: StreamRef, timestamp: int) -> int | None:
        """Timestamp of the last row earlier than ``timestamp``, None when there is none."""
        ...

    async def info(self, stream: StreamRef) -> SampleInfo:
        """Rows, bounds and bytes of a stream, exact."""
        ...

    async def infos(self, streams: Sequence[StreamRef]) -> list[SampleInfo]:
        """What :meth:`info` tells of each of many streams, in order, in much less time."""
        ...

    async def count(self, stream: StreamRef, interval: Interval) -> int:
        """Exact number of rows in ``[start, end)``."""
        ...

    def read(self, stream: StreamRef, interval: Interval) -> AsyncIterator[Block]:
        """Rows of ``[start, end)`` in time order, in blocks of at most about 512 KiB.

        No lock or transaction is held between blocks: a caller may take as long as it likes.
        """
        ...

    def read_decimated(
        self, stream: StreamRef, interval: Interval, level: int
    ) -> AsyncIterator[DecimatedBlock]:
        """Groups of about ``level`` consecutive rows (``level`` is 4^k) of ``[start, end)``.

        Answers for every stream and level: what is not stored is computed from raw rows. Groups
        never span a break; the last one of an interval may hold fewer rows and is not dropped.
        An interval of ``n`` rows has at most ``n / level`` of them, rounded up; where stored
        groups do not fit, one may hold nearly twice as many rows as ``level`` and others fewer.
        Minima, maxima and counts are those of the raw rows in the range; an engine may round the
        minima and maxima to float32, which is what the wire does.
        """
        ...

    async def intervals(self, stream: StreamRef, interval: Interval) -> list[Interval]:
        """Unbroken runs of rows inside ``[start, end)``: first timestamp to last timestamp + 1."""
        ...

    async def delete(self, stream: StreamRef, interval: Interval) -> int:
        """Remove the rows of ``[start, end)`` and give their number.

        A break stays where rows were removed between others; removing none changes nothing.
        """
        ...

    async def consolidate(self, stream: StreamRef, interval: Interval, max_gap_us: int) -> int:
        """Remove the breaks inside the range whose gap is at most ``max_gap_us``; their number.

        The gap is the next interval's start minus the end of the one before (last row + 1). A
        break is inside when the rows on both sides of it are.
        """
        ...

    async def decimate(self, stream: StreamRef) -> None:
        """Drop the stored groups of a stream and compute them anew from its rows."""
        ...

    async def drop_decimations(self, stream: StreamRef) -> None:
        """Drop the stored groups of a stream; later views are computed when they are read."""
        ...

    async def retain(self, stream: StreamRef, before: int) -> int:
        """Let go of rows earlier than ``before`` and give their number.

        May keep back less than one chunk of them until the chunk is due as a whole.
        """
        ...

    async def drop(self, streams: Sequence[int]) -> None:
        """Remove everything stored for these stream ids, in one commit."""
        ...


# --------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class EventInfo:
    """Number of events, smallest start, largest end (None when there is none), bytes on disk."""

    count: int = 0
    start: int | None = None
    end: int | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events of a stream are meant.

    ``ongoing`` False: ``start <= start_time < end``. True: also those that began before ``start``
    and end at or after it, or have no end. ``latest`` takes the last instead of the first
    ``limit`` ones; the order of the answer is always by start time, then id. ``after`` continues
    a read behind the event with this (start_time, id).
    """

    interval: Interval
    ongoing: bool = False
    where: EventFilter | None = None
    limit: int | None = None
    latest: bool = False
    after: tuple[int, int] | None = None


EventText: TypeAlias = tuple[int, int, int | None, str]
"""An event as it is stored: start time, id, end time, and its content as the text of JSON."""


class EventStore(Protocol):
    """Events of all event streams. Every write is durable when it returns."""

    async def write(self, stream_id: int, events: Sequence[Event]) -> list[int]:
        """Store events in one transaction and give their ids, in order.

        An event whose id exists in the stream is replaced, any other is stored under a new id;
        ids come from one increasing counter per stream and are never used again. They go first
        to the events that came without an id, then to those whose id is unknown.
        """
        ...

    async def put(self, stream_id: int, events: Sequence[Event], last_id: int = 0) -> None:
        """Store events under the ids they bring along, in one transaction: to copy a stream.

        Every event has an id, each another; what is stored under it is replaced. These ids, and
        all up to ``last_id``, are not given to new events.
        """
        ...

    async def last_id(self, stream_id: int) -> int:
        """Largest id that an event of the stream ever had, 0 when it never had any."""
        ...

    async def read(self, stream_id: int, query: EventQuery) -> list[Event]:
        """Events that match, by start time and id."""
        ...

    async def read_texts(self, stream_id: int, query: EventQuery) -> list[EventText]:
        """Give the events of :meth:`read` as they are stored, which is quicker."""
        ...

    async def count(self, stream_id: int, query: EventQuery) -> int:
        """Number of events that match, ``limit`` and ``latest`` disregarded."""
        ...

    async def histogram(self, stream_id: int, query: EventQuery, edges: Sequence[int]) -> list[int]:
        """Number of matching events that start in each ``[edges[i], edges[i + 1])``.

        ``edges`` increase; ``limit`` and ``latest`` are disregarded.
        """
        ...

    async def remove(self, stream_id: int, query: EventQuery) -> int:
        """Remove the events that match, at most ``limit`` of them, and give their number.

        Many are removed in several transactions: a crash may leave some of them.
        """
        ...

    async def info(self, stream_id: int) -> EventInfo:
        """What is stored of an event stream."""
        ...

    async def retain(self, stream_id: int, before: int) -> int:
        """Remove the events that ended before ``before`` and give their number."""
        ...

    async def drop(self, stream_ids: Sequence[int]) -> None:
        """Remove everything stored for these event streams."""
        ...


# --------------------------------------------------------------------------- catalog


class Kind(Enum):
    """The kinds of records, each with an id sequence of its own."""

    FOLDER = "folder"
    DATA_STREAM = "data_stream"
    ELEMENT = "element"
    EVENT_STREAM = "event_stream"
    ANNOTATION = "annotation"
    MASTER = "master"
    FOLLOWER = "follower"


@dataclass(frozen=True, slots=True)
class FolderRecord:
    """A folder; the root has no parent."""

    id: int
    name: str
    description: str | None
    parent_id: int | None
    updated_at_us: int


@dataclass(frozen=True, slots=True)
class ElementRecord:
    """A column of a data stream."""

    id: int
    index: int
    name: str
    units: str | None
    plottable: bool | None
    display_type: str
    offset: float
    scale_factor: float
    default_max: float | None
    default_min: float | None


@dataclass(frozen=True, slots=True)
class DataStreamRecord:
    """A data stream with its elements, in column order."""

    id: int
    name: str
    description: str | None
    datatype: str
    keep_us: int
    decimate: bool
    is_configured: bool
    folder_id: int
    updated_at_us: int
    elements: tuple[ElementRecord, ...]


@dataclass(frozen=True, slots=True)
class EventStreamRecord:
    """An event stream."""

    id: int
    name: str
    description: str | None
    event_fields: dict[str, str]
    chunk_duration_us: int
    keep_us: int
    is_configured: bool
    folder_id: int
    updated_at_us: int


@dataclass(frozen=True, slots=True)
class AnnotationRecord:
    """A note on a data stream."""

    id: int
    stream_id: int
    title: str
    content: str | None
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class MasterRecord:
    """Somebody who may control the node; only the SHA-256 of the key is kept."""

    id: int
    name: str
    type: str
    key_hash: bytes
    scope: str
    grantor_id: int | None


@dataclass(frozen=True, slots=True)
class FollowerRecord:
    """A node that this node may control."""

    id: int
    name: str
    location: str
    key: str


Record = (
    FolderRecord
    | DataStreamRecord
    | EventStreamRecord
    | AnnotationRecord
    | MasterRecord
    | FollowerRecord
)


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """Everything a catalog holds, as of one moment."""

    folders: tuple[FolderRecord, ...] = ()
    data_streams: tuple[DataStreamRecord, ...] = ()
    event_streams: tuple[EventStreamRecord, ...] = ()
    annotations: tuple[AnnotationRecord, ...] = ()
    masters: tuple[MasterRecord, ...] = ()
    followers: tuple[FollowerRecord, ...] = ()


@dataclass(slots=True)
class CatalogChanges:
    """Records to put (insert or replace by id) and to delete, applied in one transaction."""

    put: list[Record] = field(default_factory=list)
    delete: list[tuple[Kind, int]] = field(default_factory=list)


class CatalogStore(Protocol):
    """Metadata of a node. The node holds it in memory and writes changes through."""

    async def load(self) -> CatalogSnapshot:
        """Give everything, as copies."""
        ...

    async def allocate(self, kind: Kind, count: int = 1) -> range:
        """Give ``count`` consecutive ids that were never given before, not even to the deleted.

        The empty range of a ``count`` of 0 begins with the next one.
        """
        ...

    async def apply(self, changes: CatalogChanges) -> None:
        """Apply all changes or none; durable on return."""
        ...

    async def get_property(self, name: str) -> Any:
        """A JSON value kept under a name (node uuid, schema notes), None when absent."""
        ...

    async def set_property(self, name: str, value: Any) -> None:
        """Keep a JSON value under a name; durable on return."""
        ...

    async def properties(self) -> dict[str, Any]:
        """All that is kept under names."""
        ...


EXPORTERS_1_0 = "exporters of joule 1.0"
"""Name of the property that says how far they had come in a database that was taken over:
``{exporter: {"exporter" | "data" | "event": {label: first time that was not exported}}}``, the time
of the last run for an ``exporter``, whose label is empty."""

ROWS_IN_NILMDB = "nilmdb"
"""Name of the property that says at which address the rows of the data streams are, in the catalog
of an engine whose own rows are not used. The names of what else is about NilmDB begin with it."""


# --------------------------------------------------------------------------- engine


class Volume(NamedTuple):
    """Bytes of other files on a volume, bytes that nobody can use, and free ones."""

    other: int
    reserved: int
    free: int


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """Where the data is and the bytes it takes; -1 when it is on another host.

    ``fault`` says what was lost to damage, None when nothing was. ``volume`` is that of the data
    where it is not the volume of ``path``.
    """

    path: str
    size_bytes: int
    fault: str | None = None
    volume: Volume | None = None


class DatabaseAccess(Protocol):
    """The way of programs into the database of an engine, where that is a server."""

    def connection_info(self) -> ConnectionInfo:
        """Give what to connect with; ``InvalidRequestError`` says why there is nothing to give."""
        ...

    async def make_schema(self, name: str) -> None:
        """Make a schema in which programs may do what they like; nothing when there is one.

        Raises ``StorageError``.
        """
        ...


class Engine(Protocol):
    """One place that holds catalog, events and samples; an async context manager."""

    @property
    def catalog(self) -> CatalogStore:
        """Folders, streams, annotations, masters and followers."""
        ...

    @property
    def events(self) -> EventStore:
        """Events."""
        ...

    @property
    def samples(self) -> SampleStore:
        """Rows."""
        ...

    @property
    def database(self) -> DatabaseAccess | None:
        """The way of programs into the database; None where there is no server."""
        ...

    async def __aenter__(self) -> Engine: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def usage(self) -> StoreUsage:
        """Where the data is and how much room it takes."""
        ...

    async def maintain(self) -> None:
        """Do a bounded step of housekeeping: seal aged tails, give back room, drop orphans."""
        ...
