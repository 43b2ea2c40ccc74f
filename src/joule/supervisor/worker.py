"""One module over its life: started, fed, drained, restarted, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from joule.errors import JouleError
from joule.supervisor.policy import Backoff, Event, Phase, State, restart_policy
from joule.supervisor.process import STOP_GRACE_S, command_line, launch
from joule.supervisor.session import Connections, Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from joule.config.module_conf import ModuleConf
    from joule.supervisor.flows import InputFlow, OutputFlow
    from joule.supervisor.log import ModuleLog
    from joule.supervisor.wiring import Wiring

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between the end of a module and its restart, and from SIGTERM to SIGKILL."""

    backoff: Backoff = field(default_factory=Backoff)
    stop_s: float = STOP_GRACE_S
    monotonic_s: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all modules of a node are started with.

    ``ready`` is awaited before each start; its ``OSError`` is a start that failed.
    """

    wiring: Wiring
    api_socket: Path
    socket_dir: Path
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[None]]
    pipe_bytes: Callable[[], int]
    timing: Timing = field(default_factory=Timing)


class Order(Enum):
    """What a module can be told."""

    START = "run, unless it does"
    RESTART = "run anew, at once"
    STOP = "end and let go of the streams, until told to start"
    LEAVE = "the same, for good"


class Worker:
    """A module and whatever process it has at the moment.

    ``reason`` says why it has none, ``exit_code`` how the last one ended (negative: by a signal).
    """

    def __init__(
        self, number: int, conf: ModuleConf, lines: ModuleLog, surroundings: Surroundings
    ) -> None:
        self.number = number
        self.conf = conf
        self.log = lines
        self.outputs: dict[str, OutputFlow] = {}
        self.inputs: dict[str, InputFlow] = {}
        self.reason = ""
        self.exit_code: int | None = None
        self._around = surroundings
        self._state = State()
        self._order: Order | None = None
        self._ordered = asyncio.Event()
        self._settled = asyncio.Event()
        self._pid: int | None = None

    @property
    def phase(self) -> Phase:
        """What the module is doing."""
        return self._state.phase

    @property
    def restarts(self) -> int:
        """Starts after the first."""
        return max(self._state.launches - 1, 0)

    @property
    def pid(self) -> int | None:
        """Process id, None while there is no process."""
        return self._pid

    @property
    def app_socket(self) -> Path | None:
        """Socket of the module's web interface, None for a module without one."""
        return self._around.socket_dir / f"module{self.number}" if self.conf.is_app else None

    # ------------------------------------------------------------------ its streams

    async def claim_outputs(self) -> None:
        """Claim the streams it produces; refused when its file is wrong or they cannot be had."""
        if self.conf.fault is not None:
            self._refuse(self.conf.fault)
            return
        try:
            self.outputs = await self._around.wiring.outputs(self.conf.outputs, self.log)
        except JouleError as error:
            self._refuse(str(error))

    async def find_inputs(self) -> None:
        """Find the streams it reads; refused, and its outputs free, when one cannot be had."""
        try:
            self.inputs = await self._around.wiring.inputs(self.conf.inputs, self.log)
        except JouleError as error:
            self._refuse(str(error))
            await self.close()

    async def close(self) -> None:
        """Let go of its streams; returns when all that it wrote is durable."""
        inputs, self.inputs = self.inputs, {}
        outputs, self.outputs = self.outputs, {}
        await self._around.wiring.release(inputs.values(), outputs.values())

    async def _connect(self) -> None:
        await self.claim_outputs()
        if self.phase is not Phase.FAILED:
            await self.find_inputs()

    def _refuse(self, reason: str) -> None:
        """Do not start it; the reason is kept in its log as well."""
        self.reason = reason
        self.log.add(f"ERROR: {reason}")
        log.error("Module [%s]: %s", self.conf.name, reason)
        self._advance(Event.REFUSED)

    # ------------------------------------------------------------------ orders

    def order(self, order: Order) -> None:
        """Tell it what to do; it does so soon, the last word counts. Also before :meth:`run`."""
        is_done = order is Order.START and self._order is None and self.phase is Phase.RUNNING
        if is_done or self._order is Order.LEAVE:
            return
        self._order = order
        self._ordered.set()
        self._settled.clear()

    async def settled(self) -> None:
        """Wait until it has done what it was told, or knows why it cannot."""
        await self._settled.wait()

    async def run(self) -> None:
        """Keep the module as it was told until it is to leave.

        When cancelled the process is stopped as well.
        """
        try:
            while self._order is not Order.LEAVE:
                await self._obey()
                await self._go_on()
        finally:
            self._advance(Event.STOPPED)
            self._settled.set()
        await self.close()

    async def _obey(self) -> None:
        order, self._order = self._order, None
        self._ordered.clear()
        if order is Order.STOP:
            self._advance(Event.STOPPED)
            await self.close()
        elif order is not None:
            is_connected = not self._state.is_at_rest
            self._advance(Event.WANTED)
            if not is_connected:
                await self._connect()

    async def _go_on(self) -> None:
        if self.phase is Phase.STARTING:
            if await self._subscribe():
                await self._run_once()
            return
        self._settle()
        if self.phase is Phase.WAITING:
            await self._wait()
        else:
            await self._ordered.wait()

    def _settle(self) -> None:
        if self._order is None:
            self._settled.set()

    # ------------------------------------------------------------------ one process

    async def _subscribe(self) -> bool:
        try:
            for reader in self.inputs.values():
                reader.subscribe()
        except JouleError as error:
            self._refuse(f"inputs are not available: {error}")
            await self.close()  # others may produce its streams now
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
        if self._ordered.is_set():
            self.reason = ""
        else:
            log.warning("Restarting failed module: %s", self.conf.name)

    async def _launch(self, pipes: contextlib.ExitStack) -> Session | None:
        """Start a process on pipes that the stack closes; None when that cannot be done."""
        around = self._around
        try:
            await around.ready()
            connections = pipes.enter_context(
                Connections(self.inputs, self.outputs, around.pipe_bytes())
            )
            words = command_line(
                self.conf, connections.argument, around.api_socket, self.app_socket
            )
            process = await launch(words, around.environment, connections.log_fd, connections.fds)
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            fault = getattr(error, "strerror", None) or error
            self.reason = f"cannot start module: {fault}: {self.conf.exec_cmd}"
            self.log.add(f"ERROR: {self.reason}")
            return None
        return Session(process, connections, self.log)

    async def _attend(self, session: Session) -> None:
        self._pid, self.reason = session.pid, ""
        self._advance(Event.LAUNCHED)
        self._settle()
        try:
            in_time = await session.run(self._ordered, self._around.timing.stop_s)
        finally:
            self._pid = None
        self.exit_code = session.exit_code
        self.reason = how_it_ended(session.exit_code)
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
        self._state = restart_policy(self._state, event, timing.monotonic_s(), timing.backoff)

    async def _wait(self) -> None:
        """Wait until a restart is due or the module is told something."""
        left = self._state.due - self._around.timing.monotonic_s()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(left, 0.0)):
                await self._ordered.wait()
        self._advance(Event.CHECKED)


def how_it_ended(exit_code: int) -> str:
    """Say it in words."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"ended by signal {-exit_code}"
