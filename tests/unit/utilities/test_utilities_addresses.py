from __future__ import annotations

import pytest

from joule.utilities.addresses import without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://hub.example:8088", "https://hub.example:8088"),
        ("https://hub.example/joule/", "https://hub.example/joule/"),
        ("http://me:secret@hub:80/x", "http://me@hub:80/x"),
        ("http://me@hub/x", "http://me@hub/x"),
        ("http://:secret@hub", "http://@hub"),
        ("http://hub/x?key=secret", "http://hub/x"),
        (
            "postgresql+psycopg://me:secret@[::1]:7/d?password=secret",
            "postgresql+psycopg://me@[::1]:7/d",
        ),
        ("me:secret@hub:5432/d", "me@hub:5432/d"),
        ("me:a/secret@b#c?secret://x@hub/d", "me@hub/d"),
        ("http:/me:secret@hub", "http@hub"),
        ("me:secret\n@hub", "me@hub"),
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert without_password(address) == shown
