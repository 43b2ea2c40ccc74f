"""A real MQTT broker: mosquitto where it is installed, else the one written in Python."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.integration.daemon import free_port, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.certificates import Certificate

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
_AMQTT = "from amqtt.scripts.broker_script import main; main()"

USER, PASSWORD = "joule", "open sesame"


class Broker:
    """A broker on the loopback; a context manager that can be ended and started again."""

    def __init__(
        self, folder: Path, *, login: bool = False, certificate: Certificate | None = None
    ) -> None:
        self.port = free_port()
        self._folder = folder
        self._login = login
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def place(self) -> str:
        """What a client calls it."""
        return f"localhost:{self.port}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        log = self._folder / "broker.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        wait_until(self._answers, 30, lambda: f"no broker\n{log.read_text(errors='replace')}")

    def end(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def _command(self) -> list[str]:
        file = self._folder / "broker.conf"
        if MOSQUITTO:
            file.write_text("\n".join(self._mosquitto()) + "\n")
            return [MOSQUITTO, "-c", str(file)]
        file.write_text("\n".join(self._amqtt()) + "\n")
        return [sys.executable, "-c", _AMQTT, "-c", str(file)]

    def _mosquitto(self) -> list[str]:
        lines = [f"user {getpass.getuser()}", f"listener {self.port} 127.0.0.1"]
        if self._login:
            users = self._folder / "users"
            users.write_text(f"{USER}:{PASSWORD}\n")
            users.chmod(0o600)
            subprocess.run(["mosquitto_passwd", "-U", str(users)], check=True)
            lines += [f"password_file {users}", "allow_anonymous false"]
        else:
            lines.append("allow_anonymous true")
        if self._certificate:
            lines += [f"certfile {self._certificate.file}", f"keyfile {self._certificate.key}"]
        return lines

    def _amqtt(self) -> list[str]:
        lines = ["listeners:", "  default:", "    type: tcp", f"    bind: 127.0.0.1:{self.port}"]
        if self._certificate:
            lines += ["    ssl: true", f"    certfile: {self._certificate.file}"]
            lines.append(f"    keyfile: {self._certificate.key}")
        lines += ["plugins:"]
        if self._login:
            from pwdlib import PasswordHash

            users = self._folder / "users"
            users.write_text(f"{USER}:{PasswordHash.recommended().hash(PASSWORD)}\n")
            lines += [
                "  amqtt.plugins.authentication.FileAuthPlugin:",
                f"    password_file: {users}",
            ]
        else:
            lines += ["  amqtt.plugins.authentication.AnonymousAuthPlugin:"]
            lines += ["    allow_anonymous: true"]
        return lines
