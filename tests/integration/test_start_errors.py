"""What jouled says when it cannot start: one line, exit status 1."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.daemon import Daemon

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def failed_start(daemon: Daemon, *options: str) -> str:
    """Start it, which must fail; gives the line it writes."""
    result = subprocess.run(
        daemon.command(*options),
        capture_output=True,
        text=True,
        timeout=30,
        env=daemon.environment,
        check=False,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    said = (result.stdout + result.stderr).strip()
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1, said
    return said


def test_a_port_that_is_taken_is_named(daemon: Daemon) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        daemon.port = taken.getsockname()[1]
        assert str(daemon.port) in failed_start(daemon)


def test_a_data_folder_that_cannot_be_made_is_named(daemon: Daemon) -> None:
    blocker = daemon.folder / "file"
    blocker.write_text("not a folder")
    daemon.data = blocker / "data"
    assert str(daemon.data) in failed_start(daemon)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_that_is_not_writable_is_named(daemon: Daemon) -> None:
    daemon.data.mkdir(mode=0o500)
    assert str(daemon.data) in failed_start(daemon)


def test_a_second_daemon_on_the_same_folder_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    (tmp_path / "second").mkdir()
    with Daemon(tmp_path / "second") as second:
        second.data = daemon.data
        said = failed_start(second)
    assert "already" in said or "in use" in said
    assert daemon.ask(lambda node: node.version())


def test_a_missing_configuration_file_is_named(daemon: Daemon) -> None:
    said = failed_start(daemon, "--config", "/no/such/file.conf")
    assert "Invalid configuration: cannot load file [/no/such/file.conf]" in said


def test_a_bad_setting_is_named(daemon: Daemon) -> None:
    file = daemon.folder / "main.conf"
    file.write_text("[Main]\nIPAddress = nowhere\n")
    said = failed_start(daemon, "--config", str(file))
    assert "IPAddress is invalid" in said
    assert str(file) in said
