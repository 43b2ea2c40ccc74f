"""A real PostgreSQL server for tests, on loopback and in a folder of its own.

::

    with running_server(binaries) as server, server.fresh_database() as address:
        ...

It ends with the process that started it, however that happens.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psutil
import psycopg

from joule.testing.postgres_binaries import other_user, reachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_S: Final = 60.0
STOP_S: Final = 30.0
STARTS_TRIED: Final = 5
CLUSTER: Final = "joule-test-postgres"
"""What such a server is called among the processes."""

WATCH: Final = 'exec 3<&0; (read -r _ <&3 || kill -QUIT $$) & exec "$@" </dev/null 3<&-'
"""The shell becomes the server, and a part of it ends the server when the pipe breaks."""

CARELESS: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Quicker, and as good for tests in which nothing crashes."""

_END_OTHERS: Final = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SCHEMAS: Final = """
SELECT quote_ident(nspname) FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""
_NEW_PUBLIC: Final = "CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC"


class PostgresServer:
    """A server that can be stopped, killed, frozen and started again with the data it has."""

    def __init__(self, binaries: Path, room: Path, settings: dict[str, str]) -> None:
        self.port = free_port()
        self.data = room / "data"
        self.log = room / "log"
        self.binaries = binaries
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def address(self, database: str = "postgres") -> str:
        """The DSN of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Give the DSN of an empty database, dropped at the end."""
        with fresh_database(self.address()) as address:
            yield address

    def create(self) -> None:
        """Make the folder of the data."""
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [self.binaries / "initdb", "-D", self.data, *options],
            capture_output=True,
            text=True,
            check=False,
            **other_user(),
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")

    def start(self) -> None:
        """Start it and wait until it answers, on the port it has had."""
        for _ in range(STARTS_TRIED):
            if self._started():
                return
            time.sleep(0.5)
        raise RuntimeError(f"PostgreSQL does not start\n{self.text}")

    def start_anywhere(self) -> None:
        """Start it for the first time, on a port that is free."""
        for _ in range(STARTS_TRIED):
            self.port = free_port()
            if self._started():
                return
        raise RuntimeError(f"PostgreSQL does not start\n{self.text}")

    def _started(self) -> bool:
        """Try to start it; False when it has ended at once, its port taken say."""
        self.launch()
        if self._await_answer():
            return True
        if self._processes():
            self.kill()
            raise RuntimeError(f"PostgreSQL does not answer\n{self.text}")
        self.kill()
        return False

    def launch(self) -> None:
        """Start it without waiting."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "cluster_name": CLUSTER,
            "unix_socket_directories": "",
            "max_connections": "60",
            "shared_buffers": "64MB",
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self.binaries / "postgres"), "-D", str(self.data), *options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", WATCH, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **other_user(),
            )

    def stop(self) -> None:
        """End it as an administrator would, its clients' work undone."""
        self._end(signal.SIGINT)

    def stop_at_once(self) -> None:
        """End it without tidying up, as ``pg_ctl stop -m immediate``."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """End all its processes with SIGKILL."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hold its connections and answer nothing any more."""
        _send(self._processes(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        _send(self._processes(), signal.SIGCONT)

    @property
    def text(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def _processes(self) -> list[psutil.Process]:
        """Those of the server, the first one first."""
        if self._process is None or self._process.poll() is not None:
            return []
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def _end(self, number: int) -> None:
        found, process = self._processes(), self._process
        self._process = None
        if process is None:
            return
        _send(found if number == signal.SIGKILL else found[:1], number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(b"over\n")
        psutil.wait_procs(found, timeout=STOP_S)

    def _await_answer(self) -> bool:
        """Whether it answers in time."""
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.address(), connect_timeout=2),
            ):
                return True
            time.sleep(0.05)
        return False


@contextmanager
def running_server(
    binaries: Path, *, durable: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Run a server in a temporary folder; without ``durable`` it does not care for power cuts."""
    room = Path(tempfile.mkdtemp(prefix="joule-postgres-"))
    try:
        user = other_user()
        if user:
            os.chown(room, user["user"], user["group"])
            room.chmod(0o755)
        chosen = {**({} if durable else CARELESS), **(settings or {})}
        server = PostgresServer(reachable(binaries, room / "programs"), room, chosen)
        server.create()
        try:
            server.start_anywhere()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(room)


@contextmanager
def fresh_database(address: str) -> Iterator[str]:
    """Give the DSN of an empty database beside the one at ``address``, dropped at the end."""
    name = f"joule_test_{uuid4().hex[:12]}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def empty(address: str) -> None:
    """Make the database at ``address`` as good as new, which is much quicker than a new one."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_END_OTHERS)
        found = connection.execute(_SCHEMAS).fetchall()
        schemas = ", ".join(name for (name,) in found)
        connection.execute(f"DROP SCHEMA {schemas} CASCADE; {_NEW_PUBLIC}".encode())
        connection.execute(f'ALTER DATABASE "{urlsplit(address).path[1:]}" RESET ALL'.encode())


def _send(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def free_port() -> int:
    """A TCP port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
