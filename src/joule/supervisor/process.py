"""One module process: its command line, its start and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from joule.config.module_conf import ModuleConf
    from joule.models.layout import Layout

STOP_GRACE_S = 2.0
"""How long a module may take to end after SIGTERM."""


@dataclass(frozen=True, slots=True)
class PipeEnd:
    """A module's end of one of its pipes; ``stream_id`` is None for a stream on another node."""

    fd: int
    stream_id: int | None
    layout: Layout

    def as_json(self) -> dict[str, int | str | None]:
        """What the module is told about it."""
        return {"fd": self.fd, "id": self.stream_id, "layout": str(self.layout)}


def pipes_argument(inputs: Mapping[str, PipeEnd], outputs: Mapping[str, PipeEnd]) -> str:
    """Describe the pipes as modules expect it: an object as JSON, in a string, as JSON."""
    ends = {
        "outputs": {name: end.as_json() for name, end in outputs.items()},
        "inputs": {name: end.as_json() for name, end in inputs.items()},
    }
    return json.dumps(json.dumps(ends))


def command_line(
    module: ModuleConf, pipes: str, api_socket: Path, app_socket: Path | None
) -> list[str]:
    """Give the words that start a module; ``app_socket`` is for modules with a web interface."""
    socket = ["--socket", str(app_socket)] if app_socket is not None else []
    return [
        *module.command,
        *("--pipes", pipes),
        *socket,
        *("--api-socket", str(api_socket)),
        *module.argument_list,
    ]


async def launch(
    command: Sequence[str], environment: Mapping[str, str], output: int, fds: Sequence[int]
) -> asyncio.subprocess.Process:
    """Start a process in a session of its own; ``OSError`` when it cannot be started.

    Standard input is empty, standard output and error go to the descriptor ``output``. It inherits
    ``fds`` under the same numbers and nothing else: they are inheritable in that child only.
    """
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=dict(environment),
        pass_fds=tuple(fds),
        start_new_session=True,
    )


async def terminate(process: asyncio.subprocess.Process, grace_s: float = STOP_GRACE_S) -> bool:
    """End a process and its group: SIGTERM, a bounded wait, SIGKILL; reaped on return.

    Gives whether it ended within ``grace_s``. A caller that is cancelled may leave it running.
    """
    if process.returncode is None:
        signal_group(process, signal.SIGTERM)
    try:
        async with asyncio.timeout(grace_s):
            await process.wait()
    except TimeoutError:
        kill(process)
        await process.wait()
        return False
    kill(process)
    return True


def kill(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of a process group, also when its leader has ended already."""
    signal_group(process, signal.SIGKILL)


def signal_group(process: asyncio.subprocess.Process, number: int) -> None:
    """Signal a process and all others in its group; nothing happens when there are none."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        return  # only processes of other users are left in the group: not ours to end
