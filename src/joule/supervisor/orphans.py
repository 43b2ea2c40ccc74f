"""No module outlives its node, even when the node is killed with ``kill -9``, nor do its children.

``PR_SET_PDEATHSIG`` was not used: it is tied to the thread that forked, has to be set between fork
and exec (Python code there is unsafe beside other threads), does not reach a module's own children
and is lost when a set-uid program is started. A launcher in front of each module would cost its
start-up time again and again. So one guard process watches the node's end of a pipe and, when that
closes, ends everything that carries this supervisor's token in its environment; nothing has to be
registered, so there is no moment in which a module is unknown to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import uuid
from pathlib import Path

from joule.supervisor import orphan_guard
from joule.supervisor.pipes import OsPipe

log = logging.getLogger(__name__)

TOKEN_VARIABLE = "JOULE_SUPERVISOR"
_RESPAWN_S = 1.0


class OrphanGuard:
    """Keeps one guard process, from the first call of :meth:`ready` to the end of :meth:`run`.

    ``environment`` is what every supervised process must get in its environment.
    """

    def __init__(self) -> None:
        self.environment = {TOKEN_VARIABLE: uuid.uuid4().hex}
        self._one_at_a_time = asyncio.Lock()
        self._started = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._pipe: OsPipe | None = None

    async def ready(self) -> None:
        """Return when a guard is there; to be awaited before each start of a module.

        Raises ``OSError`` when it cannot be started; then no module may be.
        """
        async with self._one_at_a_time:
            if self._process is None:
                await self._launch()

    async def run(self) -> None:
        """Watch over the guard until cancelled; by then all modules must have been stopped."""
        try:
            while True:
                await self._started.wait()
                await self._watch()
        finally:
            await self._dismiss()

    async def _launch(self) -> None:
        pipe = OsPipe.open()
        try:
            self._process = await _start(pipe.read_fd, self.environment)
        except BaseException:
            pipe.close()
            raise
        pipe.close_read()
        self._pipe = pipe
        self._started.set()

    async def _watch(self) -> None:
        """Wait until the guard has ended, which it should not, and start another."""
        assert self._process is not None, "there is one once it was started"
        await self._process.wait()
        log.warning("The guard of the module processes has ended, starting it again")
        self._forget()
        await asyncio.sleep(_RESPAWN_S)
        try:
            await self.ready()
        except OSError as error:
            # The next module to be started tries again; without a guard none is.
            log.error("Cannot start the guard: %s", error)  # noqa: TRY400 - not our fault

    async def _dismiss(self) -> None:
        """Tell the guard that the modules were stopped, and wait until it has looked around."""
        process, pipe = self._process, self._pipe
        if process is None or pipe is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it has ended without our doing
            os.write(pipe.write_fd, b"q")
        self._forget()
        await process.wait()

    def _forget(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None
        self._started.clear()


async def _start(stdin: int, marks: dict[str, str]) -> asyncio.subprocess.Process:
    (name, token), *_ = marks.items()
    # An environment of its own: the guard must carry neither this token nor that of a supervisor
    # further up. A session of its own: what ends the node's process group must not end it too.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(Path(orphan_guard.__file__)), f"{name}={token}"),
        stdin=stdin,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )
