"""The commands that there are, held to the table of those that there should be."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from joule.cli.root import joule as command
from tests.unit.cli.command_table import TABLE_OF_COMMANDS, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    Run = Callable[..., Result]

# fmt: off
HEAVY = (
    "aiohttp", "apsw", "asyncpg", "dateparser", "h5py", "numpy", "psutil", "pyarrow", "tabulate",
)
# fmt: on

NEEDED_AT_ONCE = {
    ("admin", "authorize"): {"psutil"},
    ("admin", "backup"): {"apsw", "numpy"},
    ("admin", "check"): {"apsw", "numpy"},
    ("admin", "erase"): {"apsw", "numpy"},
    ("admin", "ingest"): {"apsw", "numpy"},
    ("admin", "migrate"): {"numpy"},
    ("admin", "restore"): {"apsw", "numpy"},
    ("doctor",): {"apsw", "numpy"},
}
"""What commands work with whatever they are told; ``data`` is about rows, so it has numpy."""


def find(words: tuple[str, ...]) -> click.Command | None:
    found: click.Command | None = command
    for word in words:
        if not isinstance(found, click.Group):
            return None
        found = found.get_command(click.Context(found), word)
    return found


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        member = group.get_command(click.Context(group), name)
        if isinstance(member, click.Group):
            yield from leaves(member, (*path, name))
        else:
            yield (*path, name)


def test_nothing_is_missing() -> None:
    assert not {line.words for line in TABLE_OF_COMMANDS if find(line.words) is None}


def test_the_table_is_complete() -> None:
    listed = {line.words for line in TABLE_OF_COMMANDS}
    ours = {("data", "export"), ("admin", "upgrade")}  # have tests of their own
    assert set(leaves(command)) - listed <= ours


@pytest.mark.parametrize("line", TABLE_OF_COMMANDS, ids=lambda line: " ".join(line.words))
def test_a_command_has_its_options_and_other_names(line: Line, run: Run) -> None:
    found = find(line.words)
    assert found is not None
    known = {name for parameter in found.params for name in parameter.opts}
    wanted = {name for option in line.options for name in option}
    assert wanted <= known, f"missing {wanted - known}"
    for alias in line.aliases:
        assert find((*line.words[:-1], alias)) is found


@pytest.mark.parametrize("line", TABLE_OF_COMMANDS, ids=lambda line: " ".join(line.words))
def test_what_prints_a_table_prints_json_too(line: Line) -> None:
    found = find(line.words)
    assert found is not None
    if line.prints in ("table", "tree"):
        assert "--json" in {name for parameter in found.params for name in parameter.opts}


def test_no_command_loads_what_it_may_not_use() -> None:
    """Each in an interpreter of its own, forked from one that has none of the commands."""
    script = f"""
import os, sys
import click
from joule.cli.root import joule
for words in {[line.words for line in TABLE_OF_COMMANDS]!r}:
    sys.stdout.flush()
    if os.fork() == 0:
        found = joule
        for word in words:
            found = found.get_command(click.Context(found), word)
        print(*words, ":", *(name for name in {HEAVY!r} if name in sys.modules), flush=True)
        os._exit(0)
    os.wait()
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    lines = [line.partition(" :") for line in result.stdout.splitlines()]
    assert len(lines) == len(TABLE_OF_COMMANDS)
    for words, _, loaded in lines:
        path = tuple(words.split())
        allowed = NEEDED_AT_ONCE.get(path, set()) | ({"numpy"} if path[0] == "data" else set())
        assert set(loaded.split()) <= allowed, f"joule {words} loads {loaded}"


@pytest.mark.parametrize("words", [("node", "list"), ("node", "default", "x"), ("node", "add")])
def test_the_list_of_nodes_is_kept_without_an_http_library(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("JOULE_USER_CONFIG_DIR", str(tmp_path))
    add = ("node", "add", "x", "http://127.0.0.1:1", "k" * 32)
    run_all = [add] if words == ("node", "add") else [add, words]
    script = f"""
import sys
from joule.cli.root import joule
for words in {run_all!r}:
    joule(words, prog_name="joule", standalone_mode=False)
print(*(name for name in ("aiohttp", "numpy", "h5py") if name in sys.modules), file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == ""
