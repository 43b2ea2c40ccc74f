"""Module and stream files that change while the node runs, and modules that are told what to do."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.daemon import wait_until
from tests.integration.modules import add_script, count, intervals, logs, modules_folder, pid, state

if TYPE_CHECKING:
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

WRITE = """
start = time.time_ns() // 1000
for number in range(10**9):
    write(row(start + number * 10_000, number))
    time.sleep(0.01)
"""
STREAM = "[Main]\nname=set\npath=/conf\ndatatype=int32\nkeep=%s\n[Element1]\nname=x\n"


def reload(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    return daemon.joule("admin", "reload", "--data", str(daemon.data))


def add_writer(daemon: Daemon, name: str) -> str:
    path = f"/live/{name}"
    add_script(daemon, name, WRITE, outputs={"output": f"{path}:int32[x]"})
    return path


def test_only_what_has_changed_is_touched(daemon: Daemon) -> None:
    steady, gone = add_writer(daemon, "steady"), add_writer(daemon, "gone")
    daemon.start()
    wait_until(lambda: count(daemon, steady) and count(daemon, gone), 20, lambda: daemon.text)
    before = pid(daemon, "steady")
    done = reload(daemon)
    assert (done.returncode, done.stdout) == (0, "OK\n")

    new = add_writer(daemon, "new")
    files = modules_folder(daemon)
    (files / "gone.conf").unlink()
    (files / "torn.conf").write_text("[Main\n")
    streams = daemon.data / "data_stream_configs"
    (streams / "set.conf").write_text(STREAM % "1w")
    done = reload(daemon)
    assert done.returncode == 1
    assert "added module new\nremoved module gone\n" in done.stdout
    assert f"Not used: {files}/torn.conf\n  Configuration file error" in done.stdout
    assert "torn.conf" in daemon.joule("module", "list").stdout
    wait_until(lambda: count(daemon, new), 10, lambda: daemon.text)
    assert daemon.ask(lambda node: node.data_stream_get("/conf/set")).is_configured

    (files / "torn.conf").unlink()
    text = (files / "steady.conf").read_text()
    (files / "steady.conf").write_text("nonsense")
    assert reload(daemon).returncode == 1
    assert (pid(daemon, "steady"), state(daemon, "steady")) == (before, "running")
    (files / "steady.conf").write_text(text)
    (streams / "set.conf").unlink()
    assert reload(daemon).stdout == "OK\n"
    assert not daemon.ask(lambda node: node.data_stream_get("/conf/set")).is_configured
    assert pid(daemon, "steady") == before
    assert len(intervals(daemon, steady)) == 1
    assert daemon.stop() == 0


def test_a_hangup_signal_reloads_and_a_closed_terminal_stops(daemon: Daemon) -> None:
    daemon.start()
    assert daemon.process is not None
    add_writer(daemon, "late")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "Reload: added modules late" in daemon.text, 10, lambda: daemon.text)
    wait_until(lambda: state(daemon, "late") == "running", 10, lambda: daemon.text)
    assert daemon.stop() == 0

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        daemon.command(), stdin=theirs, stdout=theirs, stderr=theirs,
        env=daemon.environment, cwd=daemon.folder, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        seen = b""
        while b"listening on" not in seen:
            seen += os.read(ours, 4096)
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_modules_are_stopped_started_and_followed_from_the_command_line(daemon: Daemon) -> None:
    add_script(daemon, "talks", "print('hello', os.getpid()); sleep()")
    add_script(daemon, "fails", "sys.exit(4)")
    daemon.start()
    wait_until(lambda: state(daemon, "talks") == "running", 10, lambda: daemon.text)
    first = pid(daemon, "talks")
    assert daemon.joule("module", "restart", "talks").stdout == "talks: running\n"
    assert pid(daemon, "talks") != first
    assert daemon.joule("module", "stop", "talks").stdout == "talks: stopped\n"
    assert pid(daemon, "talks") is None

    following = subprocess.Popen(
        [sys.executable, "-m", "joule.cli", "module", "logs", "--follow", "talks"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=daemon.environment,
    )  # fmt: skip
    assert following.stdout is not None
    try:
        seen = [following.stdout.readline() for _ in range(6)]
        assert "---module terminated---" in seen[-1]
        assert daemon.joule("module", "start", "talks").stdout == "talks: running\n"
        assert "---starting module---" in following.stdout.readline()
        assert "hello" in following.stdout.readline()
    finally:
        following.kill()
        following.wait()
        following.stdout.close()

    wait_until(lambda: logs(daemon, "fails").count("---starting module---") > 1, 10, daemon.text)
    listed = daemon.joule("module", "list").stdout
    assert "ended with exit code 4" in listed
    assert "ended with exit code 4" in daemon.joule("module", "info", "fails").stdout
    assert "Error: module does not exist" in daemon.joule("module", "stop", "no").stderr


def test_logs_survive_a_restart_and_a_kill_of_the_node(daemon: Daemon) -> None:
    add_script(daemon, "talks", "print('life', os.getpid()); sleep()")
    stored = daemon.data / "module_logs" / "talks.log"
    daemon.start()
    wait_until(lambda: said(daemon) == 1, 10, lambda: daemon.text)
    assert daemon.stop() == 0
    daemon.start()
    wait_until(lambda: said(daemon) == 2, 10, lambda: daemon.text)
    wait_until(lambda: stored.read_text().count("life") == 2, 5, "not stored")
    daemon.kill()
    daemon.start()
    wait_until(lambda: said(daemon) == 3, 10, lambda: daemon.text)


def said(daemon: Daemon) -> int:
    return sum(line.startswith("life") for line in logs(daemon, "talks"))
