"""Values that devices publish on an MQTT broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.builtins.mqtt_reader.board import Board
from joule.client.builtins.mqtt_reader.messages import place_of
from joule.client.sources import Source, SourceReader, extra
from joule.client.sources.json_path import parse_path
from joule.client.sources.options import (
    add_login_options,
    add_option,
    add_tls_options,
    address,
    answer,
    choice,
    password,
    positive,
    tls_context,
)
from joule.client.sources.time_place import add_time_options, time_place
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from joule.client.sources import ElementLine

_PORT, _TLS_PORT = 1883, 8883
_ROWS = ("complete", "each")

_DESCRIPTION = """\
Subscribe to topics of an MQTT broker and write what is published as rows.

Each line of [elements] is a topic and, where it carries JSON, the place of the value in it:

    elements =
        meter/status $.power[0]   name=Power units=W
        meter/heat                name=Temperature units=C scale=0.1
"""


class MqttReader(SourceReader):
    """Writes values from the topics of a broker."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the broker and what to do with messages."""
        parser.description = _DESCRIPTION
        super().custom_args(parser)
        add_option(parser, "broker", "HOST or HOST:PORT [port 1883, with TLS 8883]")
        add_option(parser, "qos", "quality of service: 0, 1 or 2", "1")
        add_option(parser, "client-id", "name under which the broker keeps messages for us")
        add_option(parser, "retained", "use values published before we came: yes or no", "no")
        add_option(
            parser,
            "rows",
            "a row when all elements have a new value (complete), or for each message (each)",
            "complete",
        )
        add_option(parser, "keepalive", "seconds in which a silent connection is noticed", "60")
        add_option(parser, "timeout", "seconds to wait for the broker", "10")
        add_time_options(parser, "a JSON path in the message")
        add_login_options(parser)
        add_option(parser, "tls", "encrypt the connection: yes or no", "no")
        add_tls_options(parser)

    def make_source(self, parsed_args: argparse.Namespace, elements: list[ElementLine]) -> Source:
        """Give the subscription to all topics."""
        with extra("mqtt"):
            from joule.client.builtins.mqtt_reader.subscription import Broker, Subscription
        args = parsed_args
        if not args.broker:
            raise ConfigurationError("set [broker] to HOST or HOST:PORT")
        encrypted = answer(args, "tls")
        if not encrypted and (args.ca or args.cert):
            raise ConfigurationError("[ca] and [cert] need [tls = yes]")
        host, port = address(args, "broker", _TLS_PORT if encrypted else _PORT)
        broker = Broker(
            host,
            port,
            qos=int(choice(args, "qos", ("0", "1", "2"))),
            user=args.user or None,
            password=password(args),
            client_id=args.client_id or None,
            tls=tls_context(args) if encrypted else None,
            keepalive_s=max(1, round(positive(args, "keepalive"))),
            timeout_s=positive(args, "timeout"),
        )
        hold = choice(args, "rows", _ROWS) == "each"
        board = Board(
            len(elements), hold=hold, age_s=positive(args, "gap", self.default_gap_s(args))
        )
        return Subscription(
            broker,
            [place_of(element) for element in elements],
            board,
            self.complaints,
            time_place=time_place(args, parse_path),
            retained=answer(args, "retained"),
        )
