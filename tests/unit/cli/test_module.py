"""``joule module``, ``joule proxy`` and ``joule node``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import joule
from joule.cli.node import human_bytes
from joule.models.access import NodeInfo
from joule.models.modules import ConfigFault, Module, ModuleStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.unit.cli.fake_node import FakeNode

    Run = Callable[..., Result]


@pytest.fixture
def modules(node: FakeNode) -> FakeNode:
    runs = Module("reader", "reads", outputs={"output": "/a/b"}, state="running")
    runs.statistics = ModuleStatistics(12, 0.0, 5.61, 1.25)
    node.modules = [runs, Module("filter", is_app=True, state="waiting to restart")]
    return node


def test_list_shows_streams_and_state(modules: FakeNode, run: Run) -> None:
    text = run("module", "list").stdout
    assert "│ reader" in text
    assert "/a/b" in text
    assert "running" in text
    assert "waiting to restart" in text
    assert "CPU" not in text
    assert text.startswith("╒")


def test_list_has_no_column_of_states_for_nodes_that_do_not_tell(
    modules: FakeNode, run: Run
) -> None:
    for module in modules.modules:
        module.state = ""
    assert "State" not in run("module", "list").stdout


def test_statistics_of_a_module_that_does_not_run_are_dashes(modules: FakeNode, run: Run) -> None:
    text = run("module", "list", "-s").stdout
    assert "CPU %" in text
    assert "5.6" in text
    assert text.count("—") == 2


def test_info_shows_pipes_and_use(modules: FakeNode, run: Run) -> None:
    text = run("module", "info", "reader").stdout
    assert text.startswith("\nName:\n\treader\nDescription:\n\treads\n")
    assert "Inputs:\n\t--none--\n" in text
    assert "Outputs:\n\toutput:\t/a/b\n" in text
    assert "CPU Usage:\n\t5.61%\n" in text
    assert "Memory Usage:\n\t1.25%\n" in text
    assert "Uptime:\n\t" in text


def test_info_of_a_module_that_does_not_run_has_dashes(modules: FakeNode, run: Run) -> None:
    result = run("module", "info", "filter")
    assert result.exit_code == 0
    assert "This module is a Data App" in result.stdout
    assert result.stdout.count("—") == 3


def test_logs_are_printed_line_by_line(modules: FakeNode, run: Run) -> None:
    assert run("module", "logs", "reader").stdout.splitlines()[1].endswith("two")


def test_logs_are_followed(modules: FakeNode, run: Run) -> None:
    lines = run("module", "logs", "--follow", "reader").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["one", "two", "three"]


def test_list_and_info_say_why_a_module_does_not_run(modules: FakeNode, run: Run) -> None:
    modules.modules[1].reason = "ended with exit code 3"
    modules.faults = [ConfigFault("/etc/x.conf", "missing section [Main]")]
    text = run("module", "list").stdout
    assert "ended with exit code 3" in text
    assert text.endswith("Not used: /etc/x.conf\n  missing section [Main]\n")
    assert "State:\n\twaiting to restart\n\tended with" in run("module", "info", "filter").stdout


def test_a_module_is_started_stopped_and_restarted(modules: FakeNode, run: Run) -> None:
    assert run("module", "start", "filter").stdout == "filter: running\n"
    assert run("module", "stop", "filter").stdout == "filter: stopped\n"
    modules.modules[1].reason = "no stream"
    failed = run("module", "restart", "filter")
    assert (failed.exit_code, failed.stderr.splitlines()[-1]) == (
        1,
        "Error: filter: failed to load, no stream",
    )


def test_an_unknown_module_is_an_error(modules: FakeNode, run: Run) -> None:
    assert "Error: module does not exist [404]" in run("module", "info", "no").stderr


def test_proxies_are_listed_and_shown(node: FakeNode, run: Run) -> None:
    assert "http://127.0.0.1:5000/" in run("proxy", "list").stdout
    assert "http://fake:8088/interface/p4/" in run("proxy", "info", "site").stdout


def test_node_info_shows_room(node: FakeNode, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = NodeInfo("2.0", "fake", "/data", 10 * 2**20, 0, 0, 3 * 2**30)

    async def info() -> NodeInfo:
        return found

    monkeypatch.setattr(node, "info", info, raising=False)
    text = run("node", "info").stdout
    assert [line.split()[-1] for line in text.splitlines()] == [
        "2.0",
        "/data",
        "10.0MiB",
        "3.0GiB",
    ]
    found = NodeInfo("1.0.1", "fake", "--remote-database--", -1, -1, -1, -1)
    assert "Size" not in run("node", "info").stdout


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0.0B"), (1023, "1023.0B"), (1024, "1.0KiB"), (2**61, "2048.0PiB")]
)
def test_bytes_have_binary_units(size: int, text: str) -> None:
    assert human_bytes(size) == text


def test_the_list_of_nodes_grows_and_shrinks(run: Run) -> None:
    assert "No nodes available" in run("node", "list").stderr
    added = run("node", "add", "one", "http://one:8088/joule/", "k" * 32)
    assert added.stdout == "Added [one] to authorized nodes\n"
    run("node", "add", "two", "http://two:8088", "k" * 32)
    text = run("node", "list").stdout
    assert text.startswith("List of authorized nodes (●=default)\n╒")
    assert "│ ● one" in text
    assert "http://one:8088/joule " in text
    run("node", "add", "three", "http://me:sesame@three:8088", "k" * 32)
    for words in ([], ["--json"]):
        text = run("node", "list", *words).stdout
        assert "http://me@three:8088" in text
        assert "sesame" not in text
    run("node", "delete", "three")
    assert run("node", "default", "two").stdout == "Set [two] as the default node\n"
    assert joule.api.get_node().name == "two"
    assert run("node", "delete", "two").stdout == "Removed [two] from nodes\n"
    assert joule.api.get_node().name == "one"


def test_a_node_that_is_not_in_the_list_is_an_error(run: Run) -> None:
    run("node", "add", "one", "http://one:8088", "k" * 32)
    result = run("node", "delete", "no")
    assert result.stderr == "Error: Node [no] does not exist\n"
    assert result.exit_code == 1
    result = run("node", "default", "no")
    assert result.stderr == "Error: Invalid node name, view nodes with [joule node list]\n"


def test_a_host_that_does_not_answer_is_not_added(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(host: str, port: int | None = None) -> None:
        assert (host, port) == ("nowhere", 8088)

    monkeypatch.setattr(joule.utilities.misc, "detect_url", nothing)
    result = run("node", "add", "one", "nowhere", "k" * 32)
    assert result.stderr == "Error: unable to contact [nowhere], node not added\n"
    assert "No nodes available" in run("node", "list").stderr
