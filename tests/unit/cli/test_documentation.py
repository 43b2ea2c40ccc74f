"""The written manual and the commands agree."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from joule.cli.root import joule as command

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?:^|/)joule (?:-n \S+ )?([a-z].+?)(?:\s#.*)?$")


def documented(text: str) -> list[str]:
    """The ``joule`` command lines in the code of a page, without the program's name."""
    blocks = [line for block in FENCE.findall(text) for line in block.splitlines()]
    pieces = blocks + CODE.findall(FENCE.sub("", text))
    return [match[1] for piece in pieces if (match := COMMAND.search(piece.strip()))]


ALL = [(page.name, words) for page in PAGES for words in documented(page.read_text())]


def plain(words: str) -> list[str]:
    """Split a command line; brackets around what may be left out are dropped."""
    return shlex.split(re.sub(r"[\[\]]", "", words))


def find(words: list[str]) -> tuple[str, ...]:
    """Follow the words to a command and give its name; fails when there is none."""
    found: click.Command = command
    path: list[str] = []
    context = click.Context(command)
    for word in words:
        if word.startswith("-") or not isinstance(found, click.Group):
            break
        member = found.get_command(context, word)
        assert member is not None, f"there is no command joule {' '.join([*path, word])}"
        found = member
        path.append(str(member.name))
    known = {name for option in found.params for name in option.opts} | {"--help"}
    for option in [word for word in words if word.startswith("-")]:
        assert option in known, f"joule {' '.join(path)} has no option {option}"
    return tuple(path)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        member = group.get_command(context, name)
        if isinstance(member, click.Group):
            found += commands(member, (*path, name))
        else:
            found.append((*path, name))
    return found


@pytest.mark.parametrize(("page", "words"), ALL)
def test_every_command_that_is_written_about_exists(page: str, words: str) -> None:
    find(plain(words))


def test_every_command_is_written_about() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    written = {find(plain(words)) for words in documented(page)}
    assert written >= set(commands(command))


def test_the_pages_that_are_linked_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["promises.md", "compatibility.md"])
def test_every_promise_has_the_tests_it_names(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert named
    for file, name in named:
        assert f"def {name}" in (ROOT / file).read_text(), f"{file} has no test {name}"
