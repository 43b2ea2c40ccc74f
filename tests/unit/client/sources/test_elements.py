"""The lines of [elements], and the arguments beside them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from joule.client.sources.elements import ElementLine, parse_elements, stream_elements
from joule.client.sources.extras import extra
from joule.client.sources.options import (
    add_option,
    address,
    answer,
    choice,
    password,
    positive,
    tls_context,
)
from joule.client.stream_file import stream_file
from joule.config.stream_conf import data_stream_from_conf
from joule.errors import ConfigurationError
from tests.unit.client.support import args

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_line_has_words_and_options_in_any_order() -> None:
    first, second = parse_elements(
        "\n http://x/?scale=2 name='Power at 1' scale=0.5 $.a units=% offset=-1\n\n b"
    )
    assert first == ElementLine(("http://x/?scale=2", "$.a"), "Power at 1", "%", 0.5, -1.0)
    assert second == ElementLine(("b",))


def test_values_are_scaled_then_shifted_and_integers_stay_exact() -> None:
    (line,) = parse_elements("x scale=2 offset=-1")
    assert line.apply(5) == 9
    value = ElementLine(("x",)).apply(2**60 + 1)
    assert value == 2**60 + 1
    assert isinstance(value, int)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "one line per element"),
        ("a scale=x", r"element \[a scale=x\]: could not convert"),
        ("a offset=inf", "not a finite number"),
        ("a name=b name=c", r"\[name\] is given twice"),
        ("a 'b", "No closing quotation"),
    ],
)
def test_a_bad_line_is_named(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        parse_elements(text)


def test_they_make_a_data_stream_file(tmp_path: Path) -> None:
    elements = stream_elements(parse_elements("a name='50 % power' units=%\nb"))
    text = stream_file("/site/meter", elements, description="100 %")
    conf = data_stream_from_conf(text, tmp_path / "meter.conf")
    assert conf.path == "/site/meter"
    assert conf.stream.description == "100 %"
    found = [(element.name, element.units) for element in conf.stream.elements]
    assert found == [("50 % power", "%"), ("Element 2", "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host", ("host", 9)),
        ("host:80", ("host", 80)),
        ("[::1]:80", ("::1", 80)),
        ("[::1]", ("::1", 9)),
        ("::1", ("::1", 9)),
    ],
)
def test_an_address_may_have_a_port(text: str, expected: tuple[str, int]) -> None:
    assert address(args(x=text), "x", 9) == expected


@pytest.mark.parametrize(
    "work",
    [
        lambda: address(args(x="host:port"), "x", 9),
        lambda: address(args(x=":80"), "x", 9),
        lambda: address(args(x="host:70000"), "x", 9),
        lambda: positive(args(x="0"), "x"),
        lambda: positive(args(x="nan"), "x"),
        lambda: positive(args(x="fast"), "x", 5),
        lambda: answer(args(x="maybe"), "x"),
        lambda: choice(args(x="c"), "x", ("a", "b")),
    ],
)
def test_what_an_argument_cannot_be_is_refused_by_its_name(work: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"^x must be"):
        work()


def test_options_are_known_with_dashes_and_underscores() -> None:
    parser = argparse.ArgumentParser()
    add_option(parser, "a-b", "text", "1")
    assert parser.parse_args([]).a_b == "1"
    assert parser.parse_args(["--a-b", "2"]).a_b == parser.parse_args(["--a_b", "2"]).a_b == "2"


def test_a_password_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" secret \n")
    assert password(args(password="", password_file=str(file))) == " secret "
    assert password(args(password="open", password_file="")) == "open"
    assert password(args(password="", password_file="")) is None
    with pytest.raises(ConfigurationError, match=r"cannot read file \[/nowhere\]"):
        password(args(password="", password_file="/nowhere"))


def test_certificates_are_verified_unless_that_is_switched_off(tmp_path: Path) -> None:
    given = {"ca": "", "cert": "", "key": "", "verify": "yes"}
    assert tls_context(args(**given)).check_hostname
    assert not tls_context(args(**given | {"verify": "no"})).check_hostname
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    for name in ("ca", "cert"):
        with pytest.raises(ConfigurationError, match="cannot use"):
            tls_context(args(**given | {name: str(bad)}))


def test_a_missing_package_is_said_with_the_way_to_install_it() -> None:
    with (
        pytest.raises(ConfigurationError, match=r"\[nothing_like_it\].*'joule\[some\]'"),
        extra("some"),
    ):
        import nothing_like_it  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(ModuleNotFoundError), extra("some"):
        import joule.nothing_like_it  # type: ignore[import-not-found]  # noqa: F401
