"""A node that lives in the test, and a way to run commands against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import joule
from joule.cli.root import joule as command
from tests.unit.cli.fake_node import FakeNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """The node that every command in the test gets."""
    fake = FakeNode()
    monkeypatch.setattr(joule.api, "get_node", lambda name="": fake)
    return fake


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run ``joule`` with these words; ``answer`` is what is typed."""

    def invoke(*words: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(command, words, input=answer, prog_name="joule")

    return invoke
