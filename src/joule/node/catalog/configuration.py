"""Streams that files and module configurations ask for: found, brought up to date, or created."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError, InvalidRequestError
from joule.models.streams import DataStream, Element
from joule.node.catalog.folders import FolderChanges

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.config.pipe_spec import PipeSpec
    from joule.models.events import EventStream
    from joule.node.catalog.core import Place, S
    from joule.node.catalog.tree import Stream

_SHOWN = (
    "name",
    "units",
    "plottable",
    "display_type",
    "offset",
    "scale_factor",
    "default_max",
    "default_min",
)


class Configuration(FolderChanges):
    """The part of the catalog that follows configuration; raises ``ConfigurationError``."""

    async def begin_configuration(self) -> None:
        """Forget which streams were configured: the files that follow say it anew."""
        streams: list[Stream] = [*self.data_streams(), *self.event_streams()]
        for stream in streams:
            stream.is_configured = False

    async def configure_data_stream(self, stream: DataStream, folder_path: str) -> DataStream:
        """Make the data stream that a file describes: create it or bring it up to date, locked.

        One of another layout, or an event stream of that name, is left alone and an error.
        """
        return await self._configure(stream, folder_path, _merged_data_stream)

    async def configure_event_stream(self, stream: EventStream, folder_path: str) -> EventStream:
        """As :meth:`configure_data_stream`, for an event stream."""
        return await self._configure(stream, folder_path, _merged_event_stream)

    async def ensure_data_stream(self, spec: PipeSpec) -> DataStream:
        """Find the stream of a pipe on this node, or create it from the inline layout.

        An inline layout must agree with the stream in datatype and element names, in any order.
        """
        found = self._at(self._config_place(spec.folder), spec.name)
        if isinstance(found, DataStream):
            _check_inline(found, spec)
            return found
        if found is not None:
            raise _conflict("data", spec.name, "event")
        return await self._create_inline(spec)

    async def _configure(self, stream: S, folder_path: str, merge: Callable[[S, S], S]) -> S:
        stream.check()
        place = self._config_place(folder_path)
        found = self._at(place, stream.name)
        if found is None:
            found = await self._create_configured(stream, folder_path)
        elif not isinstance(found, type(stream)):
            kinds = ("data", "event") if isinstance(stream, DataStream) else ("event", "data")
            raise _conflict(kinds[0], stream.name, kinds[1])
        else:
            await self._bring_up_to_date(found, merge(found, stream))
        found.is_configured = True
        return found

    def _config_place(self, folder_path: str) -> Place:
        try:
            return self._place(folder_path)
        except InvalidRequestError as error:
            raise ConfigurationError(f"invalid path [{folder_path}]") from error

    def _at(self, place: Place, name: str) -> DataStream | EventStream | None:
        return None if place.missing else self._tree.stream_named(place.folder, name)

    async def _create_configured(self, stream: S, folder_path: str) -> S:
        async with self._change() as draft:
            return await self._add_stream(stream, self._place(folder_path), draft)

    async def _create_inline(self, spec: PipeSpec) -> DataStream:
        if spec.datatype is None or spec.names is None:
            raise ConfigurationError(f"add inline config or *.conf file for stream [{spec.path}]")
        elements = [Element(name, None) for name in spec.names]
        stream = DataStream(spec.name, "", spec.datatype, elements=elements)
        stream.check()
        async with self._change() as draft:
            return await self._add_stream(stream, self._place(spec.folder or "/"), draft)

    async def _bring_up_to_date(self, found: S, edited: S) -> None:
        if _attributes(edited) == _attributes(found):
            return
        async with self._change() as draft:
            self._replace(found, edited, draft)


def _merged(found: S, wanted: S, names: tuple[str, ...]) -> S:
    merged = copy(found)
    for name in names:
        setattr(merged, name, getattr(wanted, name))
    return merged


def _merged_data_stream(found: DataStream, wanted: DataStream) -> DataStream:
    if found.layout != wanted.layout:
        raise ConfigurationError(
            f"Invalid layout {wanted.layout} for [{wanted.name}], "
            f"existing stream has layout {found.layout}"
        )
    merged = _merged(found, wanted, ("description", "keep_us", "decimate"))
    merged.elements = [
        _merged_element(*pair) for pair in zip(found.elements, wanted.elements, strict=True)
    ]
    return merged


def _merged_event_stream(found: EventStream, wanted: EventStream) -> EventStream:
    return _merged(found, wanted, ("description", "keep_us", "event_fields"))


def _merged_element(found: Element, wanted: Element) -> Element:
    merged = copy(found)
    for name in _SHOWN:
        setattr(merged, name, getattr(wanted, name))
    return merged


def _attributes(stream: DataStream | EventStream) -> dict[str, object]:
    attributes = dict(vars(stream))
    if isinstance(stream, DataStream):
        attributes["elements"] = [vars(element) for element in stream.elements]
    return attributes


def _check_inline(stream: DataStream, spec: PipeSpec) -> None:
    if spec.datatype is None or spec.names is None:
        return
    if stream.datatype != spec.datatype:
        raise ConfigurationError(
            f"DataStream [{spec.path}] exists with data_type {stream.datatype}"
        )
    if {element.name for element in stream.elements} != set(spec.names):
        raise ConfigurationError("DataStream exists with different elements")


def _conflict(kind: str, name: str, other: str) -> ConfigurationError:
    return ConfigurationError(
        f"cannot create {kind} stream [{name}], conflicts with existing {other} stream"
    )
