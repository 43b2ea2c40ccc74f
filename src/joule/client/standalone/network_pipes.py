"""Pipes to the streams that a module file names, through the API of a node."""

from __future__ import annotations

from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.api import DataStream, Element, get_node
from joule.config.pipe_spec import PipeSpec
from joule.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.api import Node
    from joule.models.pipes import Pipe


@dataclass(frozen=True, slots=True)
class Place:
    """A stream that exists, on its node, under the path that the module file gives.

    ``is_local`` says that the file does not name another node.
    """

    node: Node
    path: str
    stream: DataStream
    is_local: bool = True


class Streams:
    """The streams of a module file: found, checked, and outputs created when they are missing.

    An async context manager that closes the connections to other nodes; ``node`` stays open.
    """

    def __init__(self, node: Node, configured: Mapping[str, DataStream]) -> None:
        self._node = node
        self._configured = configured
        self._others: dict[str, Node] = {}
        self.inputs: dict[str, Place] = {}
        self.outputs: dict[str, Place] = {}

    async def __aenter__(self) -> Streams:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        async with AsyncExitStack() as stack:
            for node in self._others.values():
                stack.push_async_callback(node.close)

    async def find(self, inputs: Mapping[str, PipeSpec], outputs: Mapping[str, PipeSpec]) -> None:
        """Look all streams up; ``ConfigurationError`` says which one cannot be used and why."""
        for name, spec in inputs.items():
            self.inputs[name] = await self._existing(spec)
        for name, spec in outputs.items():
            try:
                self.outputs[name] = await self._existing(spec)
            except NotFoundError:
                self.outputs[name] = await self._created(spec)

    async def _existing(self, spec: PipeSpec) -> Place:
        node = self._node_of(spec)
        stream = await node.data_stream_get(spec.path)
        place = Place(node, spec.path, stream, spec.node is None)
        wanted = self._layout(spec)
        if wanted is not None and wanted != place.stream.layout:
            raise ConfigurationError(
                f"Stream [{spec.path}] exists with layout [{place.stream.layout}], not [{wanted}]"
            )
        return place

    async def _created(self, spec: PipeSpec) -> Place:
        stream = self._template(spec)
        if stream is None:
            raise ConfigurationError(
                f"Stream [{spec.path}] does not exist, provide config file or inline configuration"
            )
        node = self._node_of(spec)
        made = await node.data_stream_create(stream, spec.folder)
        return Place(node, spec.path, made, spec.node is None)

    def _layout(self, spec: PipeSpec) -> str | None:
        stream = self._template(spec)
        return stream.layout if stream is not None else None

    def _template(self, spec: PipeSpec) -> DataStream | None:
        """Give the stream as its file or the inline part describes it; the file wins."""
        if spec.node is None and spec.path in self._configured:
            return copy(self._configured[spec.path])
        if spec.names is None or spec.datatype is None:
            return None
        elements = [Element(name=name, index=index) for index, name in enumerate(spec.names)]
        return DataStream(name=spec.name, datatype=spec.datatype, elements=elements)

    def _node_of(self, spec: PipeSpec) -> Node:
        if spec.node is None:
            return self._node
        if spec.node not in self._others:
            self._others[spec.node] = get_node(spec.node)
        return self._others[spec.node]


@dataclass(frozen=True, slots=True)
class NetworkPipes:
    """The pipes of a module, by name."""

    inputs: dict[str, Pipe]
    outputs: dict[str, Pipe]


async def open_network_pipes(
    streams: Streams, stack: AsyncExitStack, *, live: bool, start: int | None, end: int | None
) -> NetworkPipes:
    """Open pipes to all streams; leaving ``stack`` closes them, the outputs first.

    Live pipes follow what is produced. Others read ``[start, end)`` and replace it in the
    outputs.
    """
    pipes = NetworkPipes({}, {})
    for name, place in streams.inputs.items():
        pipe = await _open_input(place, live=live, start=start, end=end)
        pipe.name = name
        pipes.inputs[name] = await stack.enter_async_context(pipe)
    for name, place in streams.outputs.items():
        begin, until = (None, None) if live else (start, end)
        target = await place.node.data_write(place.stream, begin, until)
        target.name = name
        pipes.outputs[name] = await stack.enter_async_context(target)
    return pipes


async def _open_input(place: Place, *, live: bool, start: int | None, end: int | None) -> Pipe:
    if live:
        return await place.node.data_subscribe(place.stream)
    return await place.node.data_read(place.stream, start, end)


async def build_network_pipes(
    inputs: Mapping[str, PipeSpec | str],
    outputs: Mapping[str, PipeSpec | str],
    configured_streams: Mapping[str, DataStream],
    node: Node,
    start_time: int | None = None,
    end_time: int | None = None,
    live: bool | None = None,
) -> tuple[dict[str, Pipe], dict[str, Pipe]]:
    """Give input and output pipes by name; the caller closes them.

    Without bounds they are live unless ``live`` says otherwise.
    """
    streams = Streams(node, configured_streams)
    await streams.find(_parsed(inputs), _parsed(outputs))
    follow = start_time is None and end_time is None if live is None else live
    async with AsyncExitStack() as stack:
        pipes = await open_network_pipes(
            streams, stack, live=follow, start=start_time, end=end_time
        )
        stack.pop_all()
    return pipes.inputs, pipes.outputs


def _parsed(specs: Mapping[str, PipeSpec | str]) -> dict[str, PipeSpec]:
    return {
        name: PipeSpec.parse(spec) if isinstance(spec, str) else spec
        for name, spec in specs.items()
    }
