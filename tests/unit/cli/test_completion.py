"""What a shell offers when somebody presses Tab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


def offered(*words: str, folder: Path) -> list[str]:
    """What bash is told to offer for the last word."""
    environment = {
        **os.environ,
        "_JOULE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("joule", *words)),
        "COMP_CWORD": str(len(words)),
        "JOULE_USER_CONFIG_DIR": str(folder),
    }
    script = "from joule.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert result.stderr == ""
    return [line.partition(",")[2] for line in result.stdout.splitlines() if line]


def test_commands_options_and_choices_are_offered(tmp_path: Path) -> None:
    assert offered("ev", folder=tmp_path) == ["event"]
    assert offered("event", "re", folder=tmp_path) == ["read", "rename"]
    assert offered("stream", "annotations", "--d", folder=tmp_path) == ["--delete"]
    assert offered("completion", "", folder=tmp_path) == ["bash", "zsh", "fish"]


def test_names_of_nodes_are_offered(tmp_path: Path) -> None:
    assert offered("-n", "h", folder=tmp_path) == []
    nodes = tmp_path / "nodes.json"
    nodes.write_text('[{"name": "here", "url": "http://x", "key": "k"}]')
    assert offered("-n", "h", folder=tmp_path) == ["here"]
    assert offered("-n", "x", folder=tmp_path) == []
    nodes.write_text("[")
    assert offered("-n", "h", folder=tmp_path) == []


def test_offering_a_name_loads_no_command(tmp_path: Path) -> None:
    script = """
import sys, click
from joule.cli.root import joule
print(*(item.value for item in joule.shell_complete(click.Context(joule), "")))
print(*(name for name in sys.modules if name.startswith("joule.cli.")))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    names, modules = result.stdout.splitlines()
    assert {"admin", "data", "stream"} <= set(names.split())
    assert set(modules.split()) == {"joule.cli.root", "joule.cli.lazy", "joule.cli.output"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_understands(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout
    assert "_JOULE_COMPLETE" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    subprocess.run([program, "-n"], input=script, text=True, check=True)
