"""What has to be done to set up a node, as steps that leave alone whatever is there."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joule.cli.initialize.texts import EXAMPLES, USERS, main_text
from joule.cli.initialize.unit import UNIT_NAME, USER, unit_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from joule.cli.initialize.texts import NewNode

UNITS = Path("/etc/systemd/system")


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do unless it ``exists``; ``text`` is what a dry run shows beside it."""

    name: str
    exists: bool
    do: Callable[[], None]
    text: str = ""


def file_steps(node: NewNode, *, owned: bool) -> Iterator[Step]:
    """Give the steps that make folders and files; ``owned`` by the user of the service."""
    yield _folder(node.folder, 0o755)
    yield _folder(node.data, 0o700, owner=owned)
    for folder, (name, text) in EXAMPLES.items():
        yield _folder(node.folder / folder, 0o755)
        yield _file(node.folder / folder / name, text, 0o644)
    if node.has_users_file:
        yield _file(node.users_file, USERS, 0o640, group=owned)
    yield _file(node.main_file, main_text(node), 0o640, group=owned)


def user_step() -> Step:
    """Give the step that makes the user that the node runs as, who may use serial ports."""
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--shell", "/usr/sbin/nologin"]
    if _exists(grp.getgrnam, "dialout"):
        command += ["--groups", "dialout"]
    return Step(f"user {USER}", _exists(pwd.getpwnam, USER), partial(_run, [*command, USER]))


def unit_step(node: NewNode) -> Step:
    """Give the step that tells systemd about the node."""
    program = Path(sys.executable).with_name("jouled")
    return _file(UNITS / UNIT_NAME, unit_text(program, node.main_file), 0o644)


def start_steps() -> Iterator[Step]:
    """Give the steps that start the node, now and whenever the machine starts."""
    yield Step("systemctl daemon-reload", False, partial(_run, ["systemctl", "daemon-reload"]))
    start = ["systemctl", "enable", "--now", UNIT_NAME]
    yield Step(" ".join(start), False, partial(_run, start))


def _folder(path: Path, mode: int, *, owner: bool = False) -> Step:
    def make() -> None:
        path.mkdir(mode=mode, parents=True)
        if owner:
            shutil.chown(path, USER, USER)

    return Step(f"folder {path}", path.is_dir(), make)


def _file(path: Path, text: str, mode: int, *, group: bool = False) -> Step:
    def write() -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "w") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
        if group:
            shutil.chown(path, "root", USER)

    return Step(f"file {path}", path.exists(), write, text)


def _exists(find: Callable[[str], object], name: str) -> bool:
    try:
        find(name)
    except KeyError:
        return False
    return True


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise click.ClickException(f"there is no program {command[0]}, see --no-service") from error
    except subprocess.CalledProcessError as error:
        raise click.ClickException(f"{' '.join(command)}: {error.stderr.strip()}") from error
