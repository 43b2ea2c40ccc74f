"""Every way in which a module can be wrong, all in one node with the main file of Joule 1.0."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.integration.daemon import Daemon, is_running, wait_until
from tests.integration.modules import (
    add_script,
    count,
    intervals,
    logs,
    modules_folder,
    pid,
    rows,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

KEY = "0123456789abcdef0123456789abcdef"
STARTING = "---starting module---"
LINES_MAX = 30
LISTED_TOO = ["lonely", "unknown", "ghost"]

# As [joule admin initialize] of 1.0.1 writes it, for the embedded store.
MAIN = """
[Main]
Name = node_1a2b
ModuleDirectory = {here}/module_configs
DataStreamDirectory = {here}/data_stream_configs
EventStreamDirectory = {here}/event_stream_configs
ImporterConfigsDirectory = {here}/importer_configs
ExporterConfigsDirectory = {here}/exporter_configs
ImporterDataDirectory = {here}/importer_data
ExporterDataDirectory = {here}/exporter_data
ImporterKey = 00112233445566778899aabbccddeeff
UsersFile = {here}/users.conf
IPAddress = 127.0.0.1
Port = {port}
SocketDirectory = {here}/sockets
# Database = joule:joule@localhost:5432/joule
InsertPeriod = 5
CleanupPeriod = 60
MaxLogLines = {lines}
EchoModuleLogs = yes

[Proxies]
# site1 = http://localhost:5000

# [Security]
# Certificate = /etc/joule/security/server.crt
# Key = /etc/joule/security/server.key
"""


class Installation(Daemon):
    """A node with a main file, a users file and folders as Joule 1.0 has them."""

    def prepare(self) -> None:
        kinds = ("module", "data_stream", "event_stream", "importer", "exporter")
        for kind in kinds:
            (self.data / f"{kind}_configs").mkdir(parents=True)
        text = MAIN.format(here=self.data, port=self.port, lines=LINES_MAX)
        (self.data / "main.conf").write_text(text)
        (self.data / "users.conf").write_text(f"# name, key\nadmin, {KEY}\n")
        (self.folder / "user").mkdir()
        saved = {"name": "node_1a2b", "url": self.url, "key": KEY}
        (self.folder / "user" / "nodes.json").write_text(json.dumps([saved]))

    def command(self, *options: str) -> list[str]:
        main = str(self.data / "main.conf")
        return [sys.executable, "-m", "joule.daemon.main", "--config", main, *options]


def add_good(node: Daemon) -> None:
    """Add a module that writes a hundred rows a second."""
    add_script(
        node,
        "good",
        """
        start = time.time_ns() // 1000
        for number in range(10**9):
            write(row(start + number * 10_000, number))
            time.sleep(0.01)
        """,
        outputs={"output": "/live/good:int32[x]"},
    )


def add_stubborn(node: Daemon) -> None:
    """Add a module that ignores SIGTERM and has two children, one in a session of its own."""
    add_script(
        node,
        "stubborn",
        """
        import subprocess
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sleeper = [sys.executable, "-I", "-S", "-c",
                   "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
        subprocess.Popen(sleeper)
        subprocess.Popen(sleeper, start_new_session=True)
        print("up")
        while True:
            sleep()
        """,
    )


def add_all(node: Daemon) -> None:
    """Add one module for each kind of fault, and a good one."""
    add_good(node)
    add_script(
        node,
        "garbage",
        "write(bytes(range(256)) * 1000, b'abc'); sleep()",
        outputs={"output": "/live/garbage:float32[a,b]"},
    )
    add_script(
        node,
        "rules",
        """
        nan = float("nan")
        write(row(10, 1.0, "f"), row(20, nan, "f"), row(30, 3.0, "f"), row(25, 4.0, "f"),
              row(40, 5.0, "f"), row(40, 6.0, "f"), row(50, float("inf"), "f"), row(60, 7.0, "f"))
        sleep()
        """,
        outputs={"output": "/live/rules:float32[x]"},
    )
    add_script(
        node,
        "noisy",
        """
        out = sys.stdout.buffer
        out.write(bytes(range(256)) * 20 + b"\\n")
        out.write(b"x" * (1 << 20) + b"\\n")
        for number in range(100):
            out.write(b"line %d\\n" % number)
        out.flush()
        sleep()
        """,
    )
    add_script(node, "ends", "print('done')")
    for name in ("one", "two"):
        code = "write(row(time.time_ns() // 1000, 1)); sleep()"
        add_script(node, name, code, outputs={"output": "/live/shared:int32[x]"})
    add_script(node, "lonely", "print('ran')", inputs={"input": "/live/nobody:int32[x]"})
    add_script(node, "unknown", "print('ran')", inputs={"input": "/live/unknown"})
    folder = modules_folder(node)
    (folder / "ghost.conf").write_text("[Main]\nname = ghost\nexec_cmd = /no/such/program -x\n")
    (folder / "mainless.conf").write_text("[Arguments]\nx = 1\n")
    (folder / "torn.conf").write_text("[Main\nname = torn\n")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("zoo"))
    with made:
        made.prepare()
        add_all(made)
        made.start()
        yield made


def listed(node: Daemon) -> list[str]:
    return sorted(module.name for module in node.ask(lambda ours: ours.module_list()))


def test_the_key_in_the_users_file_opens_the_node(node: Daemon) -> None:
    wait_until(lambda: "UsersFile: added user [admin]" in node.text, 10, lambda: node.text)
    info = node.ask(lambda ours: ours.info())
    assert info.name == "node_1a2b"
    users = node.data / "users.conf"
    users.write_text(users.read_text() + "guest, abcdefghijkl\n")
    ask = {"X-API-KEY": "abcdefghijkl"}
    wait_until(
        lambda: node.request("GET", "/folders.json", headers=ask)[0] == 200, 10, lambda: node.text
    )
    users.write_text(f"admin, {KEY}\nDELETE LIKE gue_t\n")
    wait_until(
        lambda: node.request("GET", "/folders.json", headers=ask)[0] == 403, 10, lambda: node.text
    )
    assert node.request("GET", "/folders.json", headers={"X-API-KEY": KEY})[0] == 200


def test_files_that_cannot_be_used_are_logged_and_the_others_load(node: Daemon) -> None:
    assert listed(node) == sorted(
        [
            "good",
            "garbage",
            "rules",
            "noisy",
            "ends",
            "one",
            "two",
            "lonely",
            "unknown",
            "ghost",
        ]
    )
    assert re.search(r"Invalid module \[.*mainless.conf\]: missing section \[Main\]", node.text)
    assert re.search(r"Configuration file error: .*torn.conf", node.text)
    faults = node.ask(lambda ours: ours.module_faults())
    assert [fault.file.rpartition("/")[2] for fault in faults] == ["mainless.conf", "torn.conf"]
    assert faults[0].reason.endswith("missing section [Main]")


def test_bytes_that_are_no_rows_are_lost_with_log_lines_and_no_restart(node: Daemon) -> None:
    wait_until(lambda: any("lost" in line for line in logs(node, "garbage")), 10, lambda: node.text)
    assert logs(node, "garbage").count(STARTING) == 1
    assert state(node, "garbage") == "running"


def test_rows_against_the_rules_leave_breaks_and_the_others_are_kept(node: Daemon) -> None:
    wait_until(lambda: count(node, "/live/rules") == 4, 10, lambda: node.text)
    assert rows(node, "/live/rules")["timestamp"].tolist() == [10, 30, 40, 60]
    assert len(intervals(node, "/live/rules")) == 4
    lines = logs(node, "rules")
    assert "4 of 8 rows for [/live/rules] are lost: Non-monotonic" in lines[-1]
    assert lines.count(STARTING) == 1


def test_output_of_any_kind_is_a_log_of_no_more_lines_than_configured(node: Daemon) -> None:
    wait_until(lambda: "line 99" in logs(node, "noisy"), 10, lambda: node.text)
    lines = logs(node, "noisy")
    assert lines == [f"line {number}" for number in range(100 - LINES_MAX, 100)]
    assert "noisy: line 5\n" in node.text
    assert "[line cut at 65536 bytes]" in node.text
    assert state(node, "noisy") == "running"


def test_a_module_that_ends_well_is_started_again_after_growing_waits_and_keeps_its_log(
    node: Daemon,
) -> None:
    wait_until(lambda: logs(node, "ends").count("done") >= 4, 20, lambda: node.text)
    lines = logs(node, "ends")
    assert lines[:6] == [STARTING, "done", "---module terminated---"] * 2
    stamps = [
        line[12:27]
        for line in node.ask(lambda ours: ours.module_logs("ends"))
        if line.endswith(STARTING)
    ]
    seconds = [int(s[:2]) * 3600 + int(s[3:5]) * 60 + float(s[6:]) for s in stamps]
    for number, least in enumerate((0.5, 1.0, 2.0)):
        assert (seconds[number + 1] - seconds[number]) % 86400 >= least
    assert "Restarting failed module: ends" in node.text
    found = node.ask(lambda ours: ours.module_get("ends"))
    assert (found.exit_code, found.restarts >= 3) == (0, True)


def test_a_program_that_does_not_exist_is_tried_again(node: Daemon) -> None:
    fault = "ERROR: cannot start module: No such file or directory: /no/such/program -x"
    wait_until(lambda: logs(node, "ghost").count(fault) >= 2, 15, lambda: node.text)


def test_the_second_producer_of_a_stream_is_refused(node: Daemon) -> None:
    wait_until(lambda: count(node, "/live/shared"), 10, lambda: node.text)
    assert state(node, "one") == "running"
    assert state(node, "two") == "failed to load"
    assert "already being produced" in logs(node, "two")[0]
    assert "already being produced" in node.ask(lambda ours: ours.module_get("two")).reason


def test_a_module_without_its_input_stays_in_the_list_with_the_reason(node: Daemon) -> None:
    wait_until(lambda: state(node, "lonely") == "failed to load", 10, lambda: node.text)
    assert "inputs are not available: " in logs(node, "lonely")[-1]
    reason = "add inline config or *.conf file for stream [/live/unknown]"
    assert reason in logs(node, "unknown")[-1]
    assert pid(node, "unknown") is None


def test_nothing_of_all_that_harms_the_good_one(node: Daemon) -> None:
    wait_until(lambda: count(node, "/live/good") > 300, 20, lambda: node.text)
    found = rows(node, "/live/good")
    assert found["data"][:, 0].tolist() == list(range(len(found)))
    assert len(intervals(node, "/live/good")) == 1


# ------------------------------------------------------------------ processes


def family(node: Daemon) -> list[psutil.Process]:
    """The processes of a node, also those that left its family: they carry its token."""
    tokens = {_token(process) for process in node.descendants()} - {None}
    return [process for process in psutil.process_iter() if _token(process) in tokens]


def _token(process: psutil.Process) -> str | None:
    try:
        token: str | None = process.environ().get("JOULE_SUPERVISOR")
    except psutil.Error:
        return None
    return token


def started(node: Daemon) -> list[psutil.Process]:
    """Start a node with a stubborn module, wait until that is up, and give the processes."""
    node.start()
    wait_until(lambda: "up" in logs(node, "stubborn"), 10, lambda: node.text)
    found = wait_until(lambda: f if len(f := family(node)) == 4 else None, 10, lambda: node.text)
    assert isinstance(found, list)
    return found


def test_no_process_outlives_the_node_however_stubborn_and_however_it_ends(
    daemon: Daemon,
) -> None:
    add_good(daemon)
    add_stubborn(daemon)
    before = started(daemon)
    wait_until(lambda: count(daemon, "/live/good"), 10, lambda: daemon.text)
    assert daemon.stop() == 0
    assert "Cannot stop stubborn with SIGTERM, killing process" in daemon.text
    assert [process for process in before if is_running(process)] == []
    first = stored(daemon, started(daemon))
    daemon.kill()
    wait_until(lambda: not any(map(is_running, first)), 8, lambda: str(first))
    started(daemon)
    wait_until(lambda: len(intervals(daemon, "/live/good")) == 3, 10, lambda: daemon.text)


def stored(daemon: Daemon, processes: list[psutil.Process]) -> list[psutil.Process]:
    """Wait until rows of this run must have been committed."""
    before = count(daemon, "/live/good")
    wait_until(lambda: count(daemon, "/live/good") > before + 150, 10, lambda: daemon.text)
    return processes
