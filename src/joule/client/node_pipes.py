"""The pipes between a module and the node that started it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joule.client.stream_query import query_stream, stub_stream
from joule.errors import ConfigurationError, JouleError
from joule.models.pipes import DescriptorReader, DescriptorWriter, InputPipe, OutputPipe

if TYPE_CHECKING:
    from joule.models.pipes import Pipe
    from joule.models.streams import DataStream


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PipeEnd:
    """A module's end of one pipe; ``stream_id`` is None when the stream is on another node."""

    name: str
    fd: int
    stream_id: int | None
    layout: str


@dataclass(frozen=True, slots=True)
class PipeEnds:
    """All ends of a module."""

    inputs: tuple[PipeEnd, ...]
    outputs: tuple[PipeEnd, ...]


@dataclass(frozen=True, slots=True)
class NodePipes:
    """The pipes of a module, by name."""

    inputs: dict[str, Pipe]
    outputs: dict[str, Pipe]
    readers: tuple[DescriptorReader, ...] = ()

    @property
    def all(self) -> list[Pipe]:
        """Inputs, then outputs."""
        return [*self.inputs.values(), *self.outputs.values()]

    async def close(self) -> None:
        """Close all pipes; that the node is gone already is no reason to fail."""
        for pipe in self.all:
            try:
                await pipe.close()
            except (JouleError, OSError) as error:
                _log.warning("closing pipe [%s]: %s", pipe.name, error)

    def finish_inputs(self) -> None:
        """Let the inputs end behind the rows that have already arrived."""
        for reader in self.readers:
            reader.end_when_idle()


def parse_pipes(text: str) -> PipeEnds:
    """Read the ``--pipes`` argument: an object as JSON, in a string, as JSON."""
    try:
        value = json.loads(text)
        value = json.loads(value) if isinstance(value, str) else value
        inputs, outputs = (_ends(value[key]) for key in ("inputs", "outputs"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"invalid --pipes argument [{text}]") from error
    return PipeEnds(inputs, outputs)


def _ends(value: dict[str, Any]) -> tuple[PipeEnd, ...]:
    return tuple(
        PipeEnd(name, int(end["fd"]), end["id"], str(end["layout"])) for name, end in value.items()
    )


async def open_pipes(ends: PipeEnds, api_socket: str | None) -> NodePipes:
    """Open all pipes; input pipes get their data stream from the node behind ``api_socket``.

    A stream on another node, or without a socket, is described by a stub.
    """
    streams = await asyncio.gather(*(_stream(end, api_socket) for end in ends.inputs))
    readers = tuple(DescriptorReader(_private(end.fd)) for end in ends.inputs)
    inputs: dict[str, Pipe] = {
        end.name: InputPipe(end.name, stream, end.layout, reader)
        for end, stream, reader in zip(ends.inputs, streams, readers, strict=True)
    }
    outputs: dict[str, Pipe] = {
        end.name: OutputPipe(end.name, layout=end.layout, writer=DescriptorWriter(_private(end.fd)))
        for end in ends.outputs
    }
    return NodePipes(inputs, outputs, readers)


async def _stream(end: PipeEnd, api_socket: str | None) -> DataStream:
    if end.stream_id is None or api_socket is None:
        return stub_stream(end.name, end.layout)
    return await query_stream(api_socket, end.stream_id)


def _private(fd: int) -> int:
    """Keep a descriptor from the programs that the module may start itself."""
    os.set_inheritable(fd, False)
    return fd
