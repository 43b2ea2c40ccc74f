"""No module outlives its node, even when the node is killed with ``kill -9``.

``PR_SET_PDEATHSIG`` was not used: it is tied to the thread that forked, has to be set between fork
and exec (Python code there is unsafe beside other threads), does not reach a module's own children
and is lost when a set-uid program is started. A launcher in front of each module would cost its
start-up time again and again. So one guard process watches the node's end of a pipe and, when that
closes without a word, ends everything that carries this supervisor's token in its environment;
nothing has to be registered, so there is no moment in which a module is unknown to it.
"""

from __future__ import annotations

import asyncio
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
    """Keeps one guard process alive for as long as :meth:`run` runs.

    ``environment`` is what every supervised process must get in its environment.
    """

    def __init__(self) -> None:
        self.environment = {TOKEN_VARIABLE: uuid.uuid4().hex}

    async def run(self) -> None:
        """Watch over the guard until cancelled; by then all modules must have been stopped."""
        while True:
            await self._guarded()
            log.warning("The guard of the module processes has ended, starting it again")
            await asyncio.sleep(_RESPAWN_S)

    async def _guarded(self) -> None:
        pipe = OsPipe.open()
        process = None
        try:
            process = await _start(pipe.read_fd, self.environment)
            pipe.close_read()
            await process.wait()
        finally:
            if process is not None:
                await _dismiss(process, pipe)
            pipe.close()


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


async def _dismiss(process: asyncio.subprocess.Process, pipe: OsPipe) -> None:
    """Tell the guard that all is in order, and see it off."""
    if process.returncode is None:
        os.write(pipe.write_fd, b"q")
    pipe.close()
    await process.wait()
