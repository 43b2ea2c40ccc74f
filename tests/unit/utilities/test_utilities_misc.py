"""Answers, addresses and connection texts."""

from __future__ import annotations

import subprocess
import sys

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from joule.utilities import ConnectionInfo, yesno
from joule.utilities.misc import detect_url


@pytest.mark.parametrize(("text", "expected"), [("YES ", True), ("yes", True), (" No", False)])
def test_yes_and_no_are_read_in_any_case(text: str, expected: bool) -> None:
    assert yesno(text) is expected


@pytest.mark.parametrize("answer", ["y", "", "true", None, True, 1])
def test_nothing_else_is_yes_or_no(answer: object) -> None:
    with pytest.raises(ValueError, match="must be 'yes' or 'no'"):
        yesno(answer)  # type: ignore[arg-type]


async def test_a_host_that_answers_http_is_detected_whatever_it_answers() -> None:
    async with TestServer(web.Application(), host="127.0.0.1") as server:
        assert await detect_url("127.0.0.1", server.port) == f"http://127.0.0.1:{server.port}"
        assert await detect_url(f"127.0.0.1:{server.port}") == f"http://127.0.0.1:{server.port}"


async def test_a_host_that_does_not_answer_has_no_url(unused_tcp_port: int) -> None:
    assert await detect_url("127.0.0.1", unused_tcp_port) is None
    assert await detect_url("not a host") is None


def test_a_connection_becomes_a_text_that_survives_special_characters() -> None:
    info = ConnectionInfo("joule", "p@ss/word", 5432, "db", "host")
    assert info.to_dsn() == "postgresql://joule:p%40ss%2Fword@host:5432/db"


def test_a_connection_does_not_show_its_password() -> None:
    assert "secret" not in repr(ConnectionInfo("joule", "secret", 5432, "db", "host"))


def test_a_connection_names_nilmdb_only_where_there_is_one() -> None:
    plain = ConnectionInfo("u", "p", 1, "d", "h")
    assert list(plain.to_json()) == ["username", "password", "port", "database", "host"]
    plain.nilmdb_url = "http://nilmdb"
    assert plain.to_json()["nilmdb_url"] == "http://nilmdb"


def test_utilities_load_nothing_heavy() -> None:
    code = (
        "import sys, joule.utilities as u; u.human_to_timestamp('5');"
        "print([m for m in ('numpy', 'aiohttp', 'dateparser') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
