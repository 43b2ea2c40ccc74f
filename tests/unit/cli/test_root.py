"""The command itself: starting quickly, ending with the right status."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

import joule as package
from joule.cli.lazy import LazyGroup
from joule.cli.root import joule as command
from joule.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.unit.cli.fake_node import FakeNode

    Run = Callable[..., Result]

SLOW = ("numpy", "aiohttp", "joule.api", "h5py", "dateparser", "tabulate")


def loaded_by(*words: str) -> set[str]:
    """The modules that a fresh interpreter has after running ``joule`` with these words."""
    code = f"""
import sys
from joule.cli.root import joule
joule({list(words)!r}, prog_name="joule", standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    return set(process.stderr.split())


@pytest.mark.parametrize("words", [("--help",), ("data", "--help"), ("stream", "--help")])
def test_help_loads_nothing_that_takes_long(words: tuple[str, ...]) -> None:
    assert not loaded_by(*words) & set(SLOW)


def test_commands_about_metadata_do_without_numpy() -> None:
    code = """
import sys, joule.api, joule.cli.folder, joule.cli.module, joule.cli.node, joule.cli.stream
joule.api.TcpNode("node", "http://127.0.0.1", "key")
print(*sys.modules)
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(loaded.stdout.split()) & {"numpy", "h5py", "dateparser", "tabulate"}


def test_python_dash_m_is_the_same_command() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "joule.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert process.stdout == f"joule, version {package.__version__}\n"


def test_a_bare_group_shows_its_help_and_is_a_usage_error(run: Run) -> None:
    for words in ((), ("data",), ("node",)):
        result = run(*words)
        assert result.exit_code == 2
        assert "Commands:" in result.stderr


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    result = run("nonsense")
    assert result.exit_code == 2
    assert "Usage: joule" in result.stderr
    assert "Try 'joule --help' for help." in result.stderr
    assert "Error: No such command 'nonsense'" in result.stderr


def test_errors_of_the_node_are_one_line_and_status_1(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_node(name: str = "") -> None:
        raise ApiError(f"Node [{name!r}] is not available, add it with [joule master add]")

    monkeypatch.setattr(package.api, "get_node", no_node)
    result = run("-n", "x", "folder", "list")
    assert result.exit_code == 1
    assert result.stderr == ("Error: Node ['x'] is not available, add it with [joule master add]\n")


def test_ctrl_c_aborts(run: Run, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(node, "folder_root", interrupted)
    result = run("folder", "list")
    assert result.exit_code == 1
    assert "Aborted!" in result.stderr


def test_a_reader_that_has_enough_ends_the_command_quietly() -> None:
    code = """
from joule.cli import output
from joule.cli.root import joule
import click
@joule.command("chatter")
def chatter():
    while True:
        output.line("x" * 1000)
joule.entries["chatter"] = None
joule.get_command = lambda ctx, name: chatter
joule(["chatter"], prog_name="joule")
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "x" * 1000 + "\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(10) == 0


def commands(group: LazyGroup, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Every command of a group with the line of help that the group shows for it."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        member = group.get_command(context, name)
        assert member is not None
        found.append(((*path, name), group.entries[name].help))
        if isinstance(member, LazyGroup):
            found += commands(member, (*path, name))
    return found


@pytest.mark.parametrize("path", [path for path, _ in commands(command)], ids=" ".join)
def test_every_command_can_be_loaded_and_explains_itself(run: Run, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: joule {' '.join(path)}")
    assert "--help" in result.stdout


@pytest.mark.parametrize(
    ("group", "alias", "name"),
    [
        ("stream", "destroy", "delete"),
        ("stream", "remove", "delete"),
        ("folder", "remove", "delete"),
        ("data", "remove", "delete"),
    ],
)
def test_names_from_the_written_manual_work_too(
    run: Run, group: str, alias: str, name: str
) -> None:
    described = run(group, alias, "--help").stdout
    assert described.partition("\n")[2] == run(group, name, "--help").stdout.partition("\n")[2]
