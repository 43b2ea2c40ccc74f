"""Values from web services that answer with JSON."""

from __future__ import annotations

import shlex
from base64 import b64encode
from typing import TYPE_CHECKING

from joule.client.builtins.http_reader.places import parse_place
from joule.client.sources import PolledReader, Source
from joule.client.sources.options import (
    add_login_options,
    add_option,
    add_tls_options,
    password,
    positive,
    read,
    tls_context,
)
from joule.client.sources.time_place import add_time_options, time_place
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from joule.client.builtins.http_reader.places import Place
    from joule.client.sources import ElementLine

_DESCRIPTION = """\
Ask web services for values at a steady pace.

Each line of [elements] is the place of a value in the JSON of the answer, after an address where
that is not [server] itself; "$" is the whole answer:

    server = http://meter.example.org/status
    elements =
        $.power[0]              name=Power units=W
        /outside $.temperature  name=Temperature units=C
"""


class HttpReader(PolledReader):
    """Writes values from the answers of web services."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the services and how to ask them."""
        parser.description = _DESCRIPTION
        super().custom_args(parser)
        add_option(parser, "server", "address that the others are relative to")
        add_option(parser, "headers", "headers to send, one [Name: value] per line")
        add_option(parser, "headers-file", "file with more of them, for those that are secret")
        add_time_options(parser, "PATH or ADDRESS PATH")
        add_login_options(parser)
        add_tls_options(parser)

    def make_source(self, parsed_args: argparse.Namespace, elements: list[ElementLine]) -> Source:
        """Give the services."""
        from joule.client.builtins.http_reader.web_service import Manner, WebServices

        args = parsed_args
        manner = Manner(
            timeout_s=positive(args, "timeout"),
            headers=_headers(args),
            tls=tls_context(args),
        )
        places = [(_place(element, args.server), element) for element in elements]
        time = time_place(args, lambda text: parse_place(shlex.split(text), args.server))
        return WebServices(self, self.interval_s(args), manner, places, time)


def _place(element: ElementLine, server: str) -> Place:
    try:
        return parse_place(element.words, server)
    except ValueError as error:
        raise element.fault(str(error)) from error


def _headers(args: argparse.Namespace) -> dict[str, str]:
    text = args.headers
    if args.headers_file:
        text += "\n" + read(args.headers_file)
    headers: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not name:
            raise ConfigurationError(f"headers: [{line.strip()}] is not like [Name: value]")
        headers[name] = value
    if args.user:
        login = f"{args.user}:{password(args) or ''}"
        headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    return headers
