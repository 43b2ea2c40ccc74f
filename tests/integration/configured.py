"""A real ``jouled`` that is started with a main file, as a service is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.integration.daemon import START_S, Daemon, wait_until

if TYPE_CHECKING:
    from pathlib import Path

KEY = "k" * 32
"""The key of its user, who is in its users file."""


class ConfiguredDaemon(Daemon):
    """A node of this name; ``more`` are further lines of its main file."""

    def __init__(self, folder: Path, name: str, more: str = "") -> None:
        super().__init__(folder)
        self.file = folder / "main.conf"
        self.file.write_text(
            f"[Main]\nName = {name}\nIPAddress = 127.0.0.1\nPort = {self.port}\n"
            f"SocketDirectory = {folder}/sockets\nDataDirectory = {self.data}\n"
            f"UsersFile = {folder}/users\n{more}"
        )
        self.users = folder / "users"
        self.users.write_text(f"tester, {KEY}\n")
        saved = folder / "user" / "nodes.json"
        saved.parent.mkdir()
        saved.write_text(json.dumps([{"name": name, "url": self.url, "key": KEY}]))

    def start(self, *options: str) -> ConfiguredDaemon:
        """Start it and wait until it knows its user."""
        super().start(*options)
        headers = {"X-API-KEY": KEY}

        def knows() -> bool:
            return self.request("GET", "/version", headers=headers)[0] == 200

        wait_until(knows, START_S, lambda: self.text)
        return self

    def command(self, *options: str) -> list[str]:
        """The command line that starts the daemon."""
        return [sys.executable, "-m", "joule.daemon.main", "--config", str(self.file), *options]
