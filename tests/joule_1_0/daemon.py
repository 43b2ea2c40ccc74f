"""The daemon of ``joule==1.0.1``, from an environment of its own, on a database of ours."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg

from tests.integration.daemon import free_port, http_status, wait_until
from tests.joule_1_0.timescale import CREATE, DROP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS: Final = {
    "ModuleDirectory": "modules",
    "DataStreamDirectory": "data_streams",
    "EventStreamDirectory": "event_streams",
    "ImporterConfigsDirectory": "importers",
    "ExporterConfigsDirectory": "exporters",
    "ImporterDataDirectory": "imported",
    "ExporterDataDirectory": "exported",
    "SocketDirectory": "sockets",
}
USER: Final = "tester"


class OldDaemon:
    """A node of Joule 1.0 on the database at ``address``."""

    def __init__(self, python: Path, folder: Path, address: str) -> None:
        self.port = free_port()
        self._programs = python.parent
        self._folder = folder
        self._log = folder / "jouled.log"
        self._conf = folder / "main.conf"
        lines = [f"{name} = {folder / path}" for name, path in FOLDERS.items()]
        for path in FOLDERS.values():
            (folder / path).mkdir(parents=True, exist_ok=True)
        database = address.removeprefix("postgresql://").replace("@", ":none@", 1)
        lines += ["Name = old", "IPAddress = 127.0.0.1", f"Port = {self.port}", "InsertPeriod = 1"]
        self._conf.write_text("\n".join(["[Main]", *lines, f"Database = {database}", ""]))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it, with a user who may do everything."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [self._programs / "jouled", "--config", self._conf],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        try:
            wait_until(lambda: http_status(self.port), 60, lambda: self.text)
            self._run("joule", "admin", "authorize", "--config", str(self._conf))
            yield
        finally:
            process.terminate()
            process.wait(60)

    def python(self, script: Path, *arguments: str) -> str:
        """Run a script with its client; gives what it prints."""
        return self._run("python", str(script), *arguments)

    @property
    def text(self) -> str:
        """What it wrote so far."""
        return self._log.read_text() if self._log.exists() else ""

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env=self._environment,
        )
        assert done.returncode == 0, done.stderr + self.text
        return done.stdout

    @property
    def _environment(self) -> dict[str, Any]:
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        # Its modules and its commands look for both.
        mine = {"HOME": str(home), "LOGNAME": USER, "TZ": "UTC"}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JOULE", "PYTHON"))}
        return {**kept, **mine}


def install_stand_in(address: str) -> None:
    """Let Joule 1.0 find its extension in a database."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(CREATE)


def remove_stand_in(address: str) -> None:
    """Take it away again: our engine would use it."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(DROP)
