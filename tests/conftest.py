"""Guards for every test: nothing may outlive it, stall the event loop or touch the user's files.

They are generous on purpose: a guard that cries wolf gets switched off. What they catch is a task
nobody owns, a child process nobody ended and a blocking call that stops everything else.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import os
import signal
import time
from asyncio import events
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from joule.testing.postgres import CLUSTER
from tests.postgres_fixtures import _reused_database, postgres_address, postgres_binaries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["_reused_database", "postgres_address", "postgres_binaries"]

LOOP_BLOCKED_S = 10.0
"""A callback that holds the loop for so long waits for something; busy machines are slower than
one would think, and this is no measure of speed."""

TASK_GRACE_S = 1.0
"""How long tasks that were cancelled may take to finish after the test."""

CHILD_GRACE_S = 3.0
"""How long child processes that were told to end may take after the test."""

_HOMES = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    listen_to_signals()
    config.addinivalue_line(
        "markers", "blocks_loop: this test may hold the event loop for seconds (say why)"
    )
    config.addinivalue_line(
        "markers", "leaves_children: this test may leave child processes behind (say why)"
    )


# ------------------------------------------------------------------ signals


def listen_to_signals() -> None:
    """Take the signals of a terminal as in one, also in the background of a script or in ``nohup``.

    There they are ignored, and every process that a test starts would ignore them, too.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


# ------------------------------------------------------------------ the user's own files


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def own_home(_homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a node list of its own for each test; both folders are made on first use."""
    home = _homes / str(next(_HOMES))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("JOULE_USER_CONFIG_DIR", str(_homes / f"{home.name}-joule"))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "APPDATA", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    return home


# ------------------------------------------------------------------ tasks


@pytest.fixture
async def _no_leaked_tasks() -> AsyncIterator[None]:
    mine = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - mine - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=TASK_GRACE_S)
    if left:
        names = "\n".join(f"  {task!r}" for task in left)
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=TASK_GRACE_S)
        pytest.fail(f"the test left {len(left)} running tasks:\n{names}")


@pytest.fixture(autouse=True)
def no_leaked_tasks(request: pytest.FixtureRequest, own_home: Path) -> None:
    """Fail an async test that leaves a task behind (checked after its other fixtures)."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_no_leaked_tasks")


# ------------------------------------------------------------------ child processes


def _children() -> set[int]:
    """Give the pids of this process's children (scanning all processes takes far longer)."""
    tasks = Path("/proc/self/task")
    if not (tasks / str(os.getpid()) / "children").exists():
        return {child.pid for child in psutil.Process().children()}
    return {int(pid) for task in tasks.iterdir() for pid in _read(task / "children").split()}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread ended meanwhile
        return ""


def _processes(pids: set[int]) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def _is_helper(process: psutil.Process) -> bool:
    """Say whether it is the standard library's own long-lived helper or the shared database."""
    try:
        words = process.cmdline()
        return any("multiprocessing" in word or CLUSTER in word for word in words)
    except psutil.Error:
        return True


@pytest.fixture(autouse=True)
def no_leaked_children(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a child process running, and end that process."""
    before = _children()
    yield
    left = [child for child in _processes(_children() - before) if not _is_helper(child)]
    _, alive = psutil.wait_procs(left, timeout=CHILD_GRACE_S) if left else ([], [])
    if not alive or request.node.get_closest_marker("leaves_children"):
        return
    names = "\n".join(f"  {child!r}" for child in alive)
    for child in alive:
        child.kill()
    psutil.wait_procs(alive, timeout=CHILD_GRACE_S)
    pytest.fail(f"the test left {len(alive)} child processes:\n{names}")


# ------------------------------------------------------------------ the event loop


@pytest.fixture(scope="session", autouse=True)
def _timed_callbacks() -> Iterator[list[str]]:
    """Time each callback of every loop; gives the list of those that took too long."""
    slow: list[str] = []
    run = events.Handle._run

    def timed(handle: events.Handle) -> None:
        start = time.monotonic()
        run(handle)
        taken = time.monotonic() - start
        if taken > LOOP_BLOCKED_S:
            slow.append(f"{handle!r} held the event loop for {taken:.1f} s")

    patch = pytest.MonkeyPatch()
    patch.setattr(events.Handle, "_run", timed)
    yield slow
    patch.undo()


@pytest.fixture(autouse=True)
def loop_not_blocked(request: pytest.FixtureRequest, _timed_callbacks: list[str]) -> Iterator[None]:
    """Fail a test in which one callback stopped the event loop for seconds."""
    _timed_callbacks.clear()
    yield
    if _timed_callbacks and not request.node.get_closest_marker("blocks_loop"):
        pytest.fail("\n".join(_timed_callbacks))
