"""A small process that outlives the modules by a moment and ends what they left behind.

Run as a script with nothing but the standard library::

    python -I -S orphan_guard.py JOULE_SUPERVISOR=<token>

Standard input is a pipe that only the node holds open. It ends when the node does, however that
happens, ``kill -9`` included. Then every process that was started with the token in its
environment, and everything in the process groups of such processes, gets SIGTERM and, two seconds
later, SIGKILL. A byte before the end says that the modules were stopped in good order: one look
for children that had left their module's session is enough then.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE_S = 2.0
_ROUND_S = 0.05
_QUIET_ROUNDS = 4
"""Rounds without a find before it is sure: a process may have been starting as the node died."""

_LIMIT_S = 10.0
"""After this it gives up: what the kernel does not let go cannot be killed."""


def marked(token: bytes) -> set[int]:
    """Give the pids of the processes started with ``token`` in their environment."""
    mine = os.getpid()
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {pid for pid in pids if pid != mine and token in environment(pid)}


def environment(pid: int) -> list[bytes]:
    """Give the environment a process was started with, nothing when it may not be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def is_dead(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to notice."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


def send(pid: int, number: int) -> None:
    """Signal a process and, when it leads one, its process group."""
    for deliver in (os.kill, os.killpg):
        try:
            deliver(pid, number)
        except OSError:
            continue  # gone, not a leader, or not ours


def end_all(token: bytes, quiet_rounds: int = _QUIET_ROUNDS) -> None:
    """End all marked processes; returns when none was found for so many rounds."""
    start = time.monotonic()
    asked: set[int] = set()
    quiet = 0
    while time.monotonic() - start < _LIMIT_S:
        alive = {pid for pid in marked(token) if not is_dead(pid)}
        quiet = 0 if alive else quiet + 1
        if quiet == quiet_rounds:
            return
        late = time.monotonic() - start > GRACE_S
        for pid in alive if late else alive - asked:
            send(pid, signal.SIGKILL if late else signal.SIGTERM)
        asked |= alive
        time.sleep(_ROUND_S)


def main() -> None:
    """Wait for the end of the node or its modules, then do what is left to do."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    in_good_order = sys.stdin.buffer.read(1)
    sys.stdin.buffer.read()  # the end
    end_all(os.fsencode(sys.argv[1]), 1 if in_good_order else _QUIET_ROUNDS)


if __name__ == "__main__":
    main()
