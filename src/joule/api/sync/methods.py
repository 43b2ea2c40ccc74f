"""The methods of a node that only wait for the coroutine of the same name.

Made by ``python -m tests.unit.api.sync_source``: change the coroutines, not this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api.sync.blocking import Blocking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike
    from typing import Any

    from joule.api.lumen_link import DisplayedDataStreamElement, DisplayedEventStream, IRange
    from joule.api.targets import DataStreamSpec, EventStreamSpec, FolderSpec, ModuleSpec, ProxySpec
    from joule.models.access import Master, NodeInfo
    from joule.models.annotations import Annotation, AnnotationInfo
    from joule.models.events import Event, EventStream, EventStreamInfo
    from joule.models.folders import Folder
    from joule.models.layout import Rows
    from joule.models.modules import ConfigFault, Module, ModuleConfiguration, ReloadReport
    from joule.models.proxies import Proxy
    from joule.models.streams import DataStream, DataStreamInfo
    from joule.utilities import ConnectionInfo, ImportLogger


class NodeMethods(Blocking):
    """The methods of :class:`joule.api.Node`, which wait for their result."""

    def folder_root(self) -> Folder:
        """Get the root folder with everything below it."""
        return self._wait(self._node.folder_root())

    def folder_get(self, folder: FolderSpec) -> Folder:
        """Get a folder with everything below it.

        Raises ``NotFoundError`` (``folder does not exist``).
        """
        return self._wait(self._node.folder_get(folder))

    def folder_move(self, source: FolderSpec, destination: FolderSpec) -> None:
        """Move a folder into another one, which is created if it is a path that does not exist.

        Raises ``LockedError`` when something in the folder is in use or configured by a file, and
        ``ConflictError`` when the destination has a folder of that name.
        """
        self._wait(self._node.folder_move(source, destination))

    def folder_update(self, folder: Folder) -> None:
        """Save the name and the description of a folder.

        Raises ``LockedError``, or ``ConflictError`` when a folder beside it has that name.
        """
        self._wait(self._node.folder_update(folder))

    def folder_delete(self, folder: FolderSpec, recursive: bool = False) -> None:
        """Delete a folder and the streams in it with their data.

        ``recursive`` allows that it has folders in it, which are deleted too. Raises
        ``LockedError`` when something in it is in use or configured by a file.
        """
        self._wait(self._node.folder_delete(folder, recursive))

    def data_read_array(
        self,
        stream: DataStreamSpec,
        start: float | None = None,
        end: float | None = None,
        max_rows: int | None = 10000,
        flatten: bool = False,
    ) -> Rows:
        """Read stored rows into one array, interval breaks ignored.

        More than ``max_rows`` rows are decimated as in :meth:`data_read`; None reads all rows as
        they are. Gives ``(n,)`` rows, or with ``flatten`` a 2-D array with the timestamps in column
        0. Raises ``PipeError`` (``No data in pipe``) when there are no rows in the range.
        """
        return self._wait(self._node.data_read_array(stream, start, end, max_rows, flatten))

    def data_delete(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> None:
        """Delete the rows in ``[start, end)``; an interval they were in the middle of is split."""
        self._wait(self._node.data_delete(stream, start, end))

    def data_intervals(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> list[list[int]]:
        """List the intervals as ``[first timestamp, last timestamp + 1]`` in UNIX us."""
        return self._wait(self._node.data_intervals(stream, start, end))

    def data_consolidate(
        self,
        stream: DataStreamSpec,
        max_gap: int,
        start: float | None = None,
        end: float | None = None,
    ) -> int:
        """Join intervals that are at most ``max_gap`` us apart; gives how many breaks went."""
        return self._wait(self._node.data_consolidate(stream, max_gap, start, end))

    def data_decimate(self, stream: DataStreamSpec) -> None:
        """Compute the decimated views of a stream anew."""
        self._wait(self._node.data_decimate(stream))

    def data_drop_decimations(self, stream: DataStreamSpec) -> None:
        """Remove the stored decimated views of a stream."""
        self._wait(self._node.data_drop_decimations(stream))

    def data_stream_get(self, stream: DataStreamSpec) -> DataStream:
        """Get a data stream as the node knows it now.

        Raises ``StreamNotFound`` (``stream does not exist``).
        """
        return self._wait(self._node.data_stream_get(stream))

    def data_stream_create(self, stream: DataStream, folder: FolderSpec) -> DataStream:
        """Create a data stream and give it as the node stored it.

        Ids and status flags of the argument are ignored, so that any stream can be a template. A
        folder given as a path is created if it does not exist. Raises ``InvalidRequestError``
        with the rule that the stream breaks, ``ConflictError`` when the folder has a stream of
        that name.
        """
        return self._wait(self._node.data_stream_create(stream, folder))

    def data_stream_update(self, stream: DataStream) -> None:
        """Save name, description, keep, decimate and the attributes of the elements.

        Datatype and number of elements cannot be changed. Raises ``LockedError``,
        ``ConflictError`` for a name that is taken, ``InvalidRequestError`` with the broken rule.
        """
        self._wait(self._node.data_stream_update(stream))

    def data_stream_move(self, stream: DataStreamSpec, folder: FolderSpec) -> None:
        """Move a data stream into a folder, which is created if it is a path that does not exist.

        Its rows follow it. Raises ``LockedError``, or ``ConflictError`` when the folder has a
        stream of that name.
        """
        self._wait(self._node.data_stream_move(stream, folder))

    def data_stream_delete(self, stream: DataStreamSpec) -> None:
        """Delete a data stream with its rows and annotations; raises ``LockedError``."""
        self._wait(self._node.data_stream_delete(stream))

    def data_stream_info(self, stream: DataStreamSpec) -> DataStreamInfo:
        """Get the bounds (UNIX us), number of rows and size of what is stored of a stream."""
        return self._wait(self._node.data_stream_info(stream))

    def data_stream_annotation_delete(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> None:
        """Delete the annotations of a stream that start in ``start <= t <= end`` (UNIX us).

        A bound that is not given is that of the stream's annotations.
        """
        self._wait(self._node.data_stream_annotation_delete(stream, start, end))

    def event_stream_get(
        self,
        stream: EventStreamSpec,
        create: bool = False,
        description: str = "",
        event_fields: dict[str, str] | None = None,
        chunk_duration: str = "",
        chunk_duration_us: int | None = None,
    ) -> EventStream:
        """Get an event stream; with ``create`` and a path it is made if it does not exist.

        The other arguments are those of a stream that is made. Raises ``StreamNotFound``.
        """
        return self._wait(
            self._node.event_stream_get(
                stream, create, description, event_fields, chunk_duration, chunk_duration_us
            )
        )

    def event_stream_create(self, stream: EventStream, folder: FolderSpec) -> EventStream:
        """Create an event stream and give it as the node stored it.

        A folder given as a path is created if it does not exist. Raises ``InvalidRequestError``
        with the rule that the stream breaks, ``ConflictError`` when the folder has a stream of
        that name.
        """
        return self._wait(self._node.event_stream_create(stream, folder))

    def event_stream_update(self, stream: EventStream) -> None:
        """Save name, description, fields and keep of an event stream."""
        self._wait(self._node.event_stream_update(stream))

    def event_stream_move(self, stream: EventStreamSpec, folder: FolderSpec) -> None:
        """Move an event stream into a folder, which is created if it is a new path."""
        self._wait(self._node.event_stream_move(stream, folder))

    def event_stream_delete(self, stream: EventStreamSpec) -> None:
        """Delete an event stream with its events."""
        self._wait(self._node.event_stream_delete(stream))

    def event_stream_info(self, stream: EventStreamSpec) -> EventStreamInfo:
        """Get first start, last end (UNIX us) and number of the events of a stream."""
        return self._wait(self._node.event_stream_info(stream))

    def event_stream_write(
        self, stream: EventStreamSpec, events: Sequence[Event]
    ) -> Sequence[Event]:
        """Store events and give the same list, ids filled in.

        An event that has been read from or written to this stream before is updated, any other
        one is added. When it returns they are stored for certain. A large list travels in several
        requests; if one fails, those before it have been stored.
        """
        return self._wait(self._node.event_stream_write(stream, events))

    def event_stream_read_list(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
        limit: int = 10000,
    ) -> list[Event]:
        """Read at most the first ``limit`` events; logs a warning when there are more."""
        return self._wait(
            self._node.event_stream_read_list(
                stream, start, end, json_filter, include_on_going_events, limit
            )
        )

    def event_stream_count(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
    ) -> int:
        """Count the events that :meth:`event_stream_read` would give."""
        return self._wait(
            self._node.event_stream_count(stream, start, end, json_filter, include_on_going_events)
        )

    def event_stream_histogram(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
    ) -> list[Event]:
        """Count the events that begin in each of about 100 pieces of a range.

        Gives an event per piece, ``content`` ``{"count": n}``; none when there are no events.
        """
        return self._wait(self._node.event_stream_histogram(stream, start, end, json_filter))

    def event_stream_remove(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
    ) -> None:
        """Remove the events that are active in ``[start, end)`` and match the filter."""
        self._wait(self._node.event_stream_remove(stream, start, end, json_filter))

    def annotation_create(self, annotation: Annotation, stream: DataStreamSpec) -> Annotation:
        """Add an annotation to a data stream and give it as the node stored it."""
        return self._wait(self._node.annotation_create(annotation, stream))

    def annotation_get(
        self, stream: DataStreamSpec, start: float | None = None, end: float | None = None
    ) -> list[Annotation]:
        """Get the annotations of a stream that start in ``start <= t <= end``, or all of them."""
        return self._wait(self._node.annotation_get(stream, start, end))

    def annotation_update(self, annotation: Annotation) -> Annotation:
        """Save title and content of an annotation; its times cannot be changed."""
        return self._wait(self._node.annotation_update(annotation))

    def annotation_delete(self, annotation: Annotation | int) -> None:
        """Delete an annotation."""
        self._wait(self._node.annotation_delete(annotation))

    def annotation_info(self, stream: DataStreamSpec) -> AnnotationInfo:
        """Get how many annotations a stream has, and the first and last of their start times."""
        return self._wait(self._node.annotation_info(stream))

    def module_list(self, statistics: bool = False) -> list[Module]:
        """List the modules, with CPU and memory use when ``statistics`` is set.

        Statistics take longer: CPU use is averaged over a short time.
        """
        return self._wait(self._node.module_list(statistics))

    def module_get(self, module: ModuleSpec, statistics: bool = False) -> Module:
        """Get a module; raises ``NotFoundError`` (``module does not exist``)."""
        return self._wait(self._node.module_get(module, statistics))

    def module_logs(self, module: ModuleSpec) -> list[str]:
        """Get what a module printed lately, oldest line first, each as ``[<local time>]: text``."""
        return self._wait(self._node.module_logs(module))

    def module_configuration(self, module: ModuleSpec) -> ModuleConfiguration:
        """Get what the file of a module says; needs a key of scope ``admin``."""
        return self._wait(self._node.module_configuration(module))

    def module_faults(self) -> list[ConfigFault]:
        """List the module files that the node cannot use, with the reason."""
        return self._wait(self._node.module_faults())

    def module_start(self, module: ModuleSpec) -> Module:
        """Start a module that does not run; needs a key of scope ``admin``.

        Gives it as it is once it runs, or its ``state`` and ``reason`` say why it does not.
        """
        return self._wait(self._node.module_start(module))

    def module_stop(self, module: ModuleSpec) -> Module:
        """End a module until it is started, or the node is; needs a key of scope ``admin``.

        What it has written is stored then, and others may write its streams.
        """
        return self._wait(self._node.module_stop(module))

    def module_restart(self, module: ModuleSpec) -> Module:
        """End a module and start it at once; needs a key of scope ``admin``.

        Rows that it has not taken yet go to the new process.
        """
        return self._wait(self._node.module_restart(module))

    def reload(self) -> ReloadReport:
        """Let the node read its configuration files again; needs a key of scope ``admin``.

        Modules whose files have not changed go on as if nothing had happened.
        """
        return self._wait(self._node.reload())

    def proxy_list(self) -> list[Proxy]:
        """List the proxied web interfaces."""
        return self._wait(self._node.proxy_list())

    def proxy_get(self, proxy: ProxySpec) -> Proxy:
        """Get a proxied web interface; raises ``NotFoundError`` (``proxy does not exist``)."""
        return self._wait(self._node.proxy_get(proxy))

    def master_list(self) -> list[Master]:
        """List who may control the node; keys are not shown."""
        return self._wait(self._node.master_list())

    def master_add(
        self,
        master_type: str,
        identifier: str,
        lumen_parameters: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        *,
        scope: str = "admin",
    ) -> Master:
        """Grant a user (name), a node (URL or host) or a Lumen server (URL or host) access.

        ``master_type`` is ``user``, ``joule_node`` or ``lumen_node`` (``joule`` and ``lumen`` for
        short). A user gets ``api_key``, at least 32 characters, or a new key: it is readable in
        the result, and nowhere else. ``lumen_parameters`` are what a Lumen server asks for.
        ``scope`` is what the key allows: ``read``, ``write`` as well, or everything (``admin``);
        nodes of Joule 1.0 know only the last, and raise ``InvalidRequestError`` for the others.
        """
        return self._wait(
            self._node.master_add(master_type, identifier, lumen_parameters, api_key, scope=scope)
        )

    def master_delete(self, master_type: str, name: str) -> None:
        """Take access away from a master."""
        self._wait(self._node.master_delete(master_type, name))

    def master_remove(self, master: Master | str) -> None:
        """Take access away from a master; a name must belong to one master only.

        Raises ``InvalidRequestError`` when there are several, or none, of that name.
        """
        self._wait(self._node.master_remove(master))

    master_removet = master_remove

    def db_connection_info(self) -> ConnectionInfo:
        """Get how to connect to the node's database, by the host name used for the node.

        Raises ``ApiError``, which says what to do instead, when the node keeps its data in a file.
        """
        return self._wait(self._node.db_connection_info())

    def db_connect(self) -> Any:
        """Make a SQLAlchemy engine for the node's database.

        A PostgreSQL database is connected to as ``joule_module``, which may read streams, events
        and metadata and own tables in the schemas of modules. The file of a node on this machine
        is opened for reading only: folders, streams, events and annotations are tables, rows of
        data are packed (read those through the API).

        It needs the packages of ``joule[database]`` and, for a file, the right to read it. Raises
        ``ApiError`` when either is missing, or when the file is on another machine.
        """
        return self._wait(self._node.db_connect())

    def archive_upload(self, path: str | PathLike[str]) -> ImportLogger:
        """Send an archive file and give what the node has to say about importing it.

        What was imported is stored for certain when this returns. Raises ``ConfigurationError``
        when the file cannot be read.
        """
        return self._wait(self._node.archive_upload(path))

    def create_lumen_link(
        self,
        lumen_url: str,
        data_stream_elements: Sequence[DisplayedDataStreamElement] | None = None,
        event_streams: Sequence[DisplayedEventStream] | None = None,
        nav_time_bounds: IRange | None = None,
        main_time_bounds: IRange | None = None,
        left_y_bounds: IRange | None = None,
        right_y_bounds: IRange | None = None,
    ) -> str:
        """Make a link to a plot of elements and event streams of this node.

        The kinds of the arguments are in ``joule.api.lumen_link``; elements and event streams
        must be ones that a node gave. ``nav_time_bounds`` and ``main_time_bounds`` (UNIX us) are
        the ranges of the overview and of the plot, the others limit the axes. Whoever opens the
        link needs an account at that Lumen, and Lumen must know this node.
        """
        return self._wait(
            self._node.create_lumen_link(
                lumen_url,
                data_stream_elements,
                event_streams,
                nav_time_bounds,
                main_time_bounds,
                left_y_bounds,
                right_y_bounds,
            )
        )

    def info(self) -> NodeInfo:
        """Get version, name and disk use (bytes) of the node."""
        return self._wait(self._node.info())

    def version(self) -> str:
        """Get the version of Joule that the node runs."""
        return self._wait(self._node.version())
