"""``joule master`` and ``joule follower``: what they ask for and say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import joule
from joule.errors import ApiError
from joule.models.access import Master
from tests.unit.cli.fake_node import FakeNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Run = Callable[..., Result]

OWNER = {"first_name": "A", "last_name": "B", "email": "a@b", "password": "secret"}
NEW = "a new server wants first_name, last_name, email, password [422]"


class Refusing(FakeNode):
    """Refuses masters with these texts, one after another, and then takes them."""

    def __init__(self, *refusals: str) -> None:
        super().__init__()
        self.refusals = list(refusals)
        self.asked: list[Any] = []

    async def master_add(self, kind: str, name: str, *more: Any, **options: Any) -> Master:
        self.asked.append((kind, name, *more))
        if self.refusals:
            raise ApiError(self.refusals.pop(0), 400)
        return Master(kind, name, "key")

    async def master_list(self) -> list[Master]:
        return [Master("USER", "root"), Master("USER", "guest", scope="read")]


@pytest.fixture
def lumen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Refusing]:
    def make(*refusals: str) -> Refusing:
        fake = Refusing(*refusals)
        monkeypatch.setattr(joule.api, "get_node", lambda name="": fake)
        return fake

    return make


def test_a_new_lumen_server_gets_an_owner(lumen: Callable[..., Refusing], run: Run) -> None:
    node = lumen(NEW)
    words = [*OWNER.values(), "secret"]
    result = run("master", "add", "lumen", "host", answer="\n".join(words) + "\n")
    assert result.exit_code == 0
    assert node.asked == [("lumen", "host", {}), ("lumen", "host", OWNER)]
    assert result.stdout.endswith("Access to [fake] granted to Lumen Node [host]\n")
    assert "secret" not in result.stdout


def test_the_address_of_the_node_goes_with_every_attempt(
    lumen: Callable[..., Refusing], run: Run
) -> None:
    node = lumen("specify auth_key [422]")
    place = {"return_address": "http://me"}
    run("master", "add", "lumen", "host", "-u", "http://me", answer="k\n")
    assert [each[2] for each in node.asked] == [place, {"auth_key": "k", **place}]


def test_other_refusals_are_errors(lumen: Callable[..., Refusing], run: Run) -> None:
    lumen("the server is on holiday [500]")
    result = run("master", "add", "lumen", "host")
    assert (result.exit_code, "on holiday" in result.stderr) == (1, True)


def test_masters_are_listed_by_type(lumen: Callable[..., Refusing], run: Run) -> None:
    lumen()
    assert run("master", "list").stdout == (
        "This node can be controlled by:\n"
        "Users:\n\troot\n\tguest (read)\n"
        "Joule Nodes:\n\t[None]\n"
        "Lumen Nodes:\n\t[None]\n"
    )
