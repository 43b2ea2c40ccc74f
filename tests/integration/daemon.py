"""A real ``jouled`` in a folder of its own, with everything it starts.

The test talks to it as a user would: through the client library and the command line. Whatever
it started is ended by pid when the test is over.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

import joule

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from joule.api import TcpNode

T = TypeVar("T")

START_S = 30.0
"""A start may take this long on a busy machine; it takes about one second on an idle one."""

STOP_S = 20.0


class Daemon:
    """A node that keeps its data over restarts; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.log = folder / "jouled.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.started: set[psutil.Process] = set()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()
        for process in self.alive():
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(self.started, timeout=5)

    # ------------------------------------------------------------------ life

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the daemon and of the commands."""
        home, users = self.folder / "home", self.folder / "user"
        home.mkdir(exist_ok=True)
        here = {"HOME": str(home), "JOULE_USER_CONFIG_DIR": str(users), "LOGNAME": "tester"}
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
        return {**os.environ, **here, "PATH": path}

    def command(self, *options: str) -> list[str]:
        """The command line that starts the daemon."""
        place = ["--data", str(self.data), "--port", str(self.port)]
        return [sys.executable, "-m", "joule.daemon.main", *place, *options]

    def start(self, *options: str) -> Daemon:
        """Start it and wait until it answers and the user who started it has a key."""
        self._await_answer(self.spawn(*options))
        return self

    def spawn(self, *options: str) -> subprocess.Popen[bytes]:
        """Start it and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(*options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.folder,
            )
        return self.process

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        def answers() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"jouled ended with status {process.returncode}\n{self.text}")
            return http_status(self.port) is not None and self._nodes.exists()

        wait_until(answers, START_S, lambda: f"jouled does not answer\n{self.text}")

    def stop(self) -> int:
        """Ask it to end, wait until it has, and give its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> list[psutil.Process]:
        """End it with SIGKILL; gives the processes it had started."""
        before = self.descendants()
        self._end(signal.SIGKILL)
        return before

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.descendants()
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise AssertionError(f"jouled does not stop\n{self.text}") from error

    def descendants(self) -> list[psutil.Process]:
        """The processes that it has started and that run now."""
        found: list[psutil.Process] = []
        if self.process is not None:
            with suppress(psutil.Error):
                found = psutil.Process(self.process.pid).children(recursive=True)
        self.started.update(found)
        return found

    def alive(self) -> list[psutil.Process]:
        """Those of the processes it ever started that still run."""
        return [process for process in self.started if is_running(process)]

    @property
    def text(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # ------------------------------------------------------------------ use

    @property
    def _nodes(self) -> Path:
        return self.folder / "user" / "nodes.json"

    @property
    def saved(self) -> dict[str, str]:
        """The entry for this node in the list of the user who started it."""
        entries = json.loads(self._nodes.read_text())
        found: dict[str, str] = entries[0]
        return found

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        """The key of the user who started it."""
        return self.saved["key"]

    def ask(self, work: Callable[[TcpNode], Coroutine[Any, Any, T]]) -> T:
        """Run ``work`` with the node in an event loop."""

        async def asking() -> T:
            async with joule.api.create_tcp_node(self.url, self.key, "node") as node:
                return await work(node)

        return asyncio.run(asking())

    def joule(
        self, *words: str, timeout_s: float = 30, answer: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the ``joule`` command; ``answer`` is what is typed."""
        return subprocess.run(
            [sys.executable, "-m", "joule.cli", *words],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environment,
            check=False,
            input=answer,
        )

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Send a request as it is; gives status and text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def free_port() -> int:
    """A TCP port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def http_status(port: int) -> int | None:
    """The status of ``GET /``, None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def is_running(process: psutil.Process) -> bool:
    """Whether it runs: not gone, not another process with its pid, not waiting to be reaped."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def wait_until(
    condition: Callable[[], Any], timeout_s: float, message: Callable[[], str] | str
) -> Any:
    """Ask again until ``condition`` is true and give what it said; fail with the message.

    For the state of other processes, which cannot be awaited.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(message if isinstance(message, str) else message())
        time.sleep(0.1)
