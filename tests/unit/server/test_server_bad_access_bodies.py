"""Every value in the bodies about masters, followers and modules as it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.server.rules import NO_BODY_IDS, NO_TEXTS, Requests, assert_rules, bad, unknown

if TYPE_CHECKING:
    from tests.unit.server.support import Http

pytestmark = pytest.mark.furnished

BAD_FORMAT = "Invalid request, bad argument format"

FOLLOWER: dict[str, Any] = {
    "key": "k" * 43,
    "port": 1,
    "scheme": "http",
    "base_uri": "",
    "name": "127.0.0.1",
    "name_is_host": 1,
}


def told(command: str) -> Requests:
    return Requests(
        "POST",
        f"/module/{command}.json",
        {"id": 0},
        (
            bad("id", ..., *NO_BODY_IDS, text="specify a name or id"),
            bad("name", *NO_TEXTS, text="specify a name or id"),
            unknown("name", "", "nobody", "READER", text="module does not exist"),
            unknown("id", -1, 99, 10**30, text="module does not exist"),
        ),
    )


CASES = (
    Requests(
        "POST",
        "/follower.json",
        FOLLOWER,
        (
            *(
                bad(name, ..., text=f"Invalid request, missing ['{name}']")
                for name in FOLLOWER
                if name != "name_is_host"
            ),
            bad("key", *NO_TEXTS, None, "\N{SNOWMAN}", "a\nb", "\x00", text=BAD_FORMAT),
            bad("port", 0, -1, 65536, 1.5, True, None, "", "x", [], {}, "9" * 400, text=BAD_FORMAT),
            bad("scheme", "ftp", "", "HTTP", "file", None, 1, [], {}, text=BAD_FORMAT),
            bad("base_uri", "x", "/", "//", "/a/", "/a b", "/?", "/#", text=BAD_FORMAT),
            bad("base_uri", "@host", "\\", None, 1, [], {}, text=BAD_FORMAT),
            bad("name", "a b", "a/b", "user@host", "", "a:1", [], {}, text=BAD_FORMAT),
            bad("name", None, text="could not determine remote host"),
            bad("name", "\N{SNOWMAN}", "x" * 254, "[::1]", text=BAD_FORMAT),
        ),
    ),
    Requests(
        "POST",
        "/master.json",
        {"master_type": "user", "identifier": "bob"},
        (
            bad("scope", None, "", "all", "ADMIN", 1, [], {}, text="scope must be one of"),
            bad("identifier", "tester", text="User already exists"),
        ),
    ),
    Requests(
        "POST",
        "/master.json",
        {"master_type": "lumen", "identifier": "http://127.0.0.1:1"},
        (bad("scope", None, "all", text="scope must be one of"),),
    ),
    *(told(command) for command in ("start", "stop", "restart")),
)


@pytest.mark.parametrize("route", CASES, ids=str)
async def test_a_body_against_the_rules_is_refused_and_changes_nothing(
    http: Http, route: Requests
) -> None:
    await assert_rules(http, route)
