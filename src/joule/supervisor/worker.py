"""One module over its life: started, fed, drained, restarted, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from joule.errors import JouleError
from joule.models.modules import Module
from joule.supervisor.pipes import PIPE_BYTES_MAX
from joule.supervisor.policy import RESTART_DELAY_S, Event, Phase, State, restart_policy
from joule.supervisor.process import STOP_GRACE_S, command_line, launch
from joule.supervisor.session import Connections, Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from joule.config.module_conf import ModuleConf
    from joule.supervisor.flows import InputFlow, OutputFlow
    from joule.supervisor.log import ModuleLog

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between the end of a module and its restart, and from SIGTERM to SIGKILL."""

    restart_s: float = RESTART_DELAY_S
    stop_s: float = STOP_GRACE_S
    monotonic_s: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all modules of a node are started with.

    ``ready`` is awaited before each start; its ``OSError`` is a start that failed.
    """

    api_socket: Path
    socket_dir: Path
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[None]]
    pipe_bytes: int = PIPE_BYTES_MAX
    timing: Timing = field(default_factory=Timing)


class Worker:
    """A module and whatever process it has at the moment."""

    def __init__(
        self, number: int, conf: ModuleConf, lines: ModuleLog, surroundings: Surroundings
    ) -> None:
        self.number = number
        self.conf = conf
        self.log = lines
        self.outputs: dict[str, OutputFlow] = {}
        self.inputs: dict[str, InputFlow] = {}
        self._around = surroundings
        self._state = State()
        self._stopping = asyncio.Event()
        self._pid: int | None = None

    @property
    def phase(self) -> Phase:
        """What the module is doing."""
        return self._state.phase

    @property
    def pid(self) -> int | None:
        """Process id, None while there is no process."""
        return self._pid

    @property
    def app_socket(self) -> Path | None:
        """Socket of the module's web interface, None for a module without one."""
        return self._around.socket_dir / f"module{self.number}" if self.conf.is_app else None

    def describe(self) -> Module:
        """Give what users see of it, without statistics."""
        module = Module(
            name=self.conf.name,
            description=self.conf.description,
            is_app=self.conf.is_app,
            inputs={name: _shown(spec.node, spec.path) for name, spec in self.conf.inputs.items()},
            outputs={
                name: _shown(spec.node, spec.path) for name, spec in self.conf.outputs.items()
            },
            state=self.phase.value,
        )
        module.id = self.number
        return module

    def refuse(self, reason: str) -> None:
        """Never start it; the reason is kept in its log."""
        self.log.add(f"ERROR: {reason}")
        log.error("Module [%s]: %s", self.conf.name, reason)
        self._advance(Event.REFUSED)

    def request_stop(self) -> None:
        """Let :meth:`run` return soon; idempotent, also before it runs."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep the module running until it is told to stop or cannot have its inputs.

        When cancelled the process is stopped as well.
        """
        try:
            while not self._state.is_final and not self._stopping.is_set():
                if self.phase is Phase.WAITING:
                    await self._wait()
                elif self._subscribe():
                    await self._run_once()
        finally:
            self._advance(Event.STOPPED)
        if self.phase is Phase.FAILED:
            await self.close()  # others may produce its streams now

    async def close(self) -> None:
        """Let go of its streams; returns when all that it wrote is durable."""
        for reader in self.inputs.values():
            await reader.close()
        for writer in self.outputs.values():
            await writer.close()

    # ------------------------------------------------------------------ one process

    def _subscribe(self) -> bool:
        try:
            for reader in self.inputs.values():
                reader.subscribe()
        except JouleError as error:
            self.refuse(f"inputs are not available: {error}")
            return False
        return True

    async def _run_once(self) -> None:
        self._remove_app_socket(stale=True)
        self.log.add("---starting module---")
        with contextlib.ExitStack() as pipes:
            session = await self._launch(pipes)
            if session is not None:
                await self._attend(session)
        self.log.add("---module terminated---")
        self._remove_app_socket(stale=False)
        self._advance(Event.ENDED)
        if not self._stopping.is_set():
            log.warning("Restarting failed module: %s", self.conf.name)

    async def _launch(self, pipes: contextlib.ExitStack) -> Session | None:
        """Start a process on pipes that the stack closes; None when that cannot be done."""
        around = self._around
        try:
            await around.ready()
            connections = pipes.enter_context(
                Connections(self.inputs, self.outputs, around.pipe_bytes)
            )
            words = command_line(
                self.conf, connections.argument, around.api_socket, self.app_socket
            )
            process = await launch(words, around.environment, connections.log_fd, connections.fds)
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            reason = getattr(error, "strerror", None) or error
            self.log.add(f"ERROR: cannot start module: {reason}: {self.conf.exec_cmd}")
            return None
        return Session(process, connections, self.log)

    async def _attend(self, session: Session) -> None:
        self._pid = session.pid
        self._advance(Event.LAUNCHED)
        try:
            in_time = await session.run(self._stopping, self._around.timing.stop_s)
        finally:
            self._pid = None
        if not in_time:
            log.warning("Cannot stop %s with SIGTERM, killing process", self.conf.name)

    def _remove_app_socket(self, *, stale: bool) -> None:
        if self.app_socket is None or not self.app_socket.exists():
            return
        if stale:
            log.warning("Removing the stale socket of module %s", self.conf.name)
        self.app_socket.unlink(missing_ok=True)

    # ------------------------------------------------------------------ states

    def _advance(self, event: Event) -> None:
        timing = self._around.timing
        self._state = restart_policy(self._state, event, timing.monotonic_s(), timing.restart_s)

    async def _wait(self) -> None:
        """Wait until a restart is due or the module is told to stop."""
        left = self._state.due - self._around.timing.monotonic_s()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(left, 0.0)):
                await self._stopping.wait()
        self._advance(Event.CHECKED)


def _shown(node: str | None, path: str) -> str:
    return path if node is None else f"[{node}] {path}"
