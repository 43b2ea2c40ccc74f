"""Streams that files and module configurations ask for: found, brought up to date, or created."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, TypeVar

from joule.errors import ConfigurationError, InvalidRequestError
from joule.models.events import EventStream
from joule.models.streams import DataStream, Element
from joule.node.catalog.folders import FolderChanges

if TYPE_CHECKING:
    from collections.abc import Collection

    from joule.config.pipe_spec import PipeSpec
    from joule.models.streams import Stream, StreamKind
    from joule.node.catalog.core import Place

T = TypeVar("T", DataStream, EventStream, Element)

_DECIDED: dict[type, tuple[str, ...]] = {
    DataStream: ("description", "keep_us", "decimate"),
    EventStream: ("description", "keep_us", "event_fields"),
    Element: (
        "name",
        "units",
        "plottable",
        "display_type",
        "offset",
        "scale_factor",
        "default_max",
        "default_min",
    ),
}
"""What a file decides about a stream that exists."""


class Configuration(FolderChanges):
    """The part of the catalog that follows configuration; raises ``ConfigurationError``."""

    def forget_configured(self, *, but: Collection[Stream] = ()) -> None:
        """Free the streams that no file describes any more: all ``but`` these."""
        kept = {id(stream) for stream in but}
        streams: list[Stream] = [*self.data_streams(), *self.event_streams()]
        for stream in streams:
            if id(stream) not in kept:
                stream.is_configured = False

    async def configure_stream(self, stream: StreamKind, folder_path: str) -> StreamKind:
        """Make the stream that a file describes: create it or bring it up to date, locked.

        A stream of the other kind in its place, or a data stream of another layout, is left alone
        and an error.
        """
        stream.check()
        place = self._config_place(folder_path)
        found = self._at(place, stream.name)
        if found is None:
            found = await self._create_configured(stream, folder_path)
        elif not isinstance(found, type(stream)):
            kinds = ("data", "event") if isinstance(stream, DataStream) else ("event", "data")
            raise _conflict(kinds[0], stream.name, kinds[1])
        else:
            await self._bring_up_to_date(found, _merged(found, stream))
        found.is_configured = True
        return found

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

    def _config_place(self, folder_path: str) -> Place:
        try:
            return self._place(folder_path)
        except InvalidRequestError as error:
            raise ConfigurationError(f"invalid path [{folder_path}]") from error

    def _at(self, place: Place, name: str) -> DataStream | EventStream | None:
        return None if place.missing else self._tree.stream_named(place.folder, name)

    async def _create_configured(self, stream: StreamKind, folder_path: str) -> StreamKind:
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

    async def _bring_up_to_date(self, found: StreamKind, edited: StreamKind) -> None:
        if _attributes(edited) == _attributes(found):
            return
        async with self._change() as draft:
            self._replace(found, edited, draft)


def _merged(found: StreamKind, wanted: StreamKind) -> StreamKind:
    """Give a copy of ``found`` with what a file decides as in ``wanted``."""
    merged = _with_attributes_of(wanted, found)
    if isinstance(merged, DataStream) and isinstance(wanted, DataStream):
        _check_layout(merged, wanted)
        pairs = zip(wanted.elements, merged.elements, strict=True)
        merged.elements = [_with_attributes_of(*pair) for pair in pairs]
    return merged


def _with_attributes_of(wanted: T, found: T) -> T:
    merged = copy(found)
    for name in _DECIDED[type(found)]:
        setattr(merged, name, getattr(wanted, name))
    return merged


def _check_layout(found: DataStream, wanted: DataStream) -> None:
    if found.layout != wanted.layout:
        raise ConfigurationError(
            f"Invalid layout {wanted.layout} for [{wanted.name}], "
            f"existing stream has layout {found.layout}"
        )


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
