"""A node from nothing, as an administrator makes it: initialize, start, authorize, doctor."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.daemon import Daemon, http_status, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


class Initialized(Daemon):
    """A node whose main file the command has made."""

    @property
    def file(self) -> Path:
        """Its main file."""
        return self.folder / "etc" / "main.conf"

    def command(self, *options: str) -> list[str]:
        """The command line that starts the daemon."""
        return [sys.executable, "-m", "joule.daemon.main", "--config", str(self.file), *options]


def doctor(daemon: Daemon, file: Path) -> tuple[dict[str, str], int]:
    """What it says of each thing, the worst last, and its status."""
    result = daemon.joule("doctor", "--json", "-c", str(file))
    return {each["check"]: each["state"] for each in json.loads(result.stdout)}, result.returncode


def test_a_node_that_was_initialized_starts_and_is_well(tmp_path: Path) -> None:
    node = Initialized(tmp_path)
    with node:
        places = ("--folder", str(node.file.parent), "--data", str(node.data))
        initialize = ("admin", "initialize", "--no-service", *places, "--name", "attic")
        made = node.joule(*initialize, "--port", str(node.port), "--generate-user-file")
        assert made.returncode == 0, made.stderr
        example = node.file.parent / "module_configs" / "module.example"
        example.with_suffix(".conf").write_text(example.read_text())
        node.spawn()
        wait_until(lambda: http_status(node.port) is not None, 30, lambda: node.text)

        granted = node.joule("admin", "authorize", "-c", str(node.file))
        assert granted.stdout == "Access to node [attic] granted to user [tester]\n"
        wait_until(lambda: "running" in node.joule("module", "list").stdout, 30, lambda: node.text)
        states, status = doctor(node, node.file)
        assert status == 0
        well = {"configuration", "daemon", "port", "database", "folders", "modules", "your nodes"}
        assert {states[check] for check in well} == {"ok"}

        node.kill()
        states, status = doctor(node, node.file)
        assert states["daemon"] == "note"
        assert status == 0
        node.file.write_text(node.file.read_text().replace("Port = ", "Port = x"))
        assert doctor(node, node.file) == ({"configuration": "wrong", "your nodes": "ok"}, 1)
        assert node.spawn().wait(30) == 1
