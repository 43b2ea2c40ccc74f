"""A module's process: started with its pipes, and ended when it has to."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_GRACE_S = 2.5
"""From SIGTERM to SIGKILL, a little more than a module gives itself."""

_STDERR = 2
"""What a module prints goes beside the result."""


@asynccontextmanager
async def started(
    command: Sequence[str], fds: Sequence[int]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a process that inherits ``fds``; whatever is left of it at the end is ended.

    It is in a session of its own, so that Ctrl-C reaches this program alone, which tells it.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=_STDERR,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            pass_fds=tuple(fds),
            start_new_session=True,
        )
    except OSError as error:
        raise click.ClickException(f"cannot start [{command[0]}]: {error.strerror}") from error
    try:
        yield process
    finally:
        await end(process)


def work_s(process: asyncio.subprocess.Process) -> float:
    """Give the seconds of processor time that a process and its children have used."""
    import psutil

    used = 0.0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for each in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                used += times.user + times.system
    return used


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process and what it started: SIGTERM, a bounded wait, SIGKILL."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await process.wait()
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    """Signal a process and what it started, of which there may be nothing left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
