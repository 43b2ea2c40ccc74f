from __future__ import annotations

import pytest

from joule.errors import ConfigurationError
from joule.storage.address import Address, is_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@h:6000/d", Address("h", 6000, "d", "u", "p")),
        ("postgres://u@h/d", Address("h", 5432, "d", "u")),
        ("joule:joule@localhost:5432/joule", Address("localhost", 5432, "joule", "joule", "joule")),
        ("u:p@ss@h/d", Address("h", 5432, "d", "u", "p@ss")),
        ("u:p://q@h/d", Address("h", 5432, "d", "u", "p://q")),
        ("u:a/b#c?d@h/d", Address("h", 5432, "d", "u", "a/b#c?d")),
        ("postgresql://u%40x:p%2Fq@h/d%20e", Address("h", 5432, "d e", "u@x", "p/q")),
        (
            "postgresql://u@[::1]:7/d?sslmode=require",
            Address("::1", 7, "d", "u", "", "sslmode=require"),
        ),
        ("u@/d", Address("localhost", 5432, "d", "u")),
    ],
)
def test_both_spellings_are_read(text: str, expected: Address) -> None:
    assert is_address(text)
    assert Address.parse(text) == expected
    assert Address.parse(expected.dsn) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("postgresql://h/d", "no user"),
        ("u:p@h", "no name of a database"),
        ("u:p@h/d/e", "no name of a database"),
        ("u:p@h:http/d", "port"),
        ("u:p@h:99999/d", "port"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Address.parse(text)
    assert "p@" not in str(caught.value).replace("password@", "")


@pytest.mark.parametrize("text", ["sqlite:///a@b.db", "memory:", "nonsense", "/a/b"])
def test_other_settings_are_no_addresses(text: str) -> None:
    assert not is_address(text)


def test_the_password_does_not_show() -> None:
    address = Address.parse("postgresql://u:secret@h/d?sslmode=require")
    assert str(address) == "postgresql://u@h:5432/d"
    assert "secret" not in repr(address)
