"""The streams of modules: found or made, claimed by one producer, followed, and let go."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError, JouleError, StreamNotFound
from joule.supervisor.flows import InputFlow, OutputFlow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from joule.config.pipe_spec import PipeSpec
    from joule.models.layout import Layout
    from joule.node import LocalNode
    from joule.supervisor.log import ModuleLog
    from joule.supervisor.remote import RemoteStreams


class Wiring:
    """Connects pipes to the streams of a node.

    Connecting raises ``ConfigurationError`` that names the pipe and the reason; then nothing is
    connected.
    """

    def __init__(self, node: LocalNode, remote: RemoteStreams | None = None) -> None:
        self._node = node
        self._remote = remote
        self._readers: Counter[int] = Counter()

    async def outputs(self, specs: Mapping[str, PipeSpec], log: ModuleLog) -> dict[str, OutputFlow]:
        """Claim the streams that a module produces; nobody else may, until they are released."""
        flows: dict[str, OutputFlow] = {}
        for name, spec in specs.items():
            try:
                flows[name] = await self._output(spec, log)
            except JouleError as error:
                await self.release(outputs=flows.values())
                raise _refusal("Output", name, spec, error) from error
        return flows

    async def inputs(self, specs: Mapping[str, PipeSpec], log: ModuleLog) -> dict[str, InputFlow]:
        """Find the streams that a module reads, and lock them."""
        flows: dict[str, InputFlow] = {}
        for name, spec in specs.items():
            try:
                flows[name] = await self._input(spec, log)
            except JouleError as error:
                await self.release(inputs=flows.values())
                raise _refusal("Input", name, spec, error) from error
        return flows

    async def release(
        self, inputs: Iterable[InputFlow] = (), outputs: Iterable[OutputFlow] = ()
    ) -> None:
        """Let go of streams; returns when all that was written is durable."""
        for reader in inputs:
            if reader.stream_id is not None:
                self._lock(reader.stream_id, -1)
            await reader.close()
        for writer in outputs:
            await writer.close()

    # ------------------------------------------------------------------ one of them

    async def _output(self, spec: PipeSpec, log: ModuleLog) -> OutputFlow:
        if spec.node is not None:
            target = self._others(spec).target(spec, log.add)
            return OutputFlow(str(spec.path), _layout(spec), None, target, log)
        stream = await self._node.catalog.ensure_data_stream(spec)
        writer = await self._node.data.open_writer(stream)
        path = self._node.catalog.path_of(stream)
        return OutputFlow(path, stream.rows_layout, stream.id, writer, log)

    async def _input(self, spec: PipeSpec, log: ModuleLog) -> InputFlow:
        if spec.node is not None:
            source = self._others(spec).source(spec, log.add)
            return InputFlow(spec.path, _layout(spec), None, lambda: source, log)
        stream = await self._node.catalog.ensure_data_stream(spec)
        self._lock(stream.id, 1)
        follow = partial(self._node.data.subscribe, stream, is_lasting=True)
        path = self._node.catalog.path_of(stream)
        return InputFlow(path, stream.rows_layout, stream.id, follow, log)

    def _others(self, spec: PipeSpec) -> RemoteStreams:
        if self._remote is None:
            raise ConfigurationError(f"Remote node [{spec.node}] is not a follower")
        return self._remote

    def _lock(self, stream_id: int, change: int) -> None:
        self._readers[stream_id] += change
        try:
            stream = self._node.catalog.data_stream(stream_id)
        except StreamNotFound:  # it was deleted while nobody read it
            return
        stream.is_source = self._readers[stream_id] > 0


def _layout(spec: PipeSpec) -> Layout:
    if spec.layout is None:
        raise ConfigurationError("invalid remote stream, must have inline config")
    return spec.layout


def _refusal(kind: str, name: str, spec: PipeSpec, error: JouleError) -> ConfigurationError:
    return ConfigurationError(f"{kind} [{name}={spec}]: {error}")
