from __future__ import annotations

from unittest.mock import patch

from joule.models.access import key_hash, new_key


def test_a_key_has_32_random_bytes_and_never_comes_twice() -> None:
    keys = {new_key() for _ in range(100)}
    assert {len(key) for key in keys} == {43}
    assert len(keys) == 100


def test_a_key_is_never_taken_for_an_option() -> None:
    with patch("joule.models.access.secrets.token_urlsafe", side_effect=["-abc", "abc-"]):
        assert new_key() == "abc-"


def test_the_hash_tells_keys_apart_and_takes_any_text() -> None:
    assert key_hash("a") != key_hash("b")
    assert len(key_hash("\udcff\u20ac")) == 32
