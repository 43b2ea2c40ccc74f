"""The connection to a broker; the only file that knows the MQTT library."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiomqtt

from joule.client.builtins.mqtt_reader.messages import values_of
from joule.client.sources.json_path import find
from joule.client.sources.source import Row, Source, SourceLostError
from joule.client.sources.values import document
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Sequence

    from joule.client.builtins.mqtt_reader.board import Board
    from joule.client.builtins.mqtt_reader.messages import Place
    from joule.client.sources.complaints import Complaints
    from joule.client.sources.json_path import Steps
    from joule.client.sources.time_place import TimePlace

_QUEUED_MESSAGES = 10_000
_REFUSED = 128
"""Codes from here on in the answer to a subscription are refusals."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is and how to talk to it; a client id makes it keep messages for us."""

    host: str
    port: int
    qos: int = 0
    user: str | None = None
    password: str | None = None
    client_id: str | None = None
    tls: ssl.SSLContext | None = None
    keepalive_s: int = 60
    timeout_s: float = 10.0


class Subscription(Source):
    """Subscribes to the topics of all places and makes rows of what comes."""

    def __init__(
        self,
        broker: Broker,
        places: Sequence[Place],
        board: Board,
        complaints: Complaints,
        *,
        time_place: TimePlace[Steps] | None = None,
        retained: bool = False,
    ) -> None:
        self.name = f"broker [{broker.host}:{broker.port}]"
        self._broker = broker
        self._places = places
        self._board = board
        self._complaints = complaints
        self._time_place = time_place
        self._retained = retained
        self._filters = {place.topic: _filter(place.topic) for place in places}

    async def rows(self) -> AsyncGenerator[Sequence[Row], None]:
        """Connect, subscribe, and give a row when a message completes one."""
        try:
            async with self._client() as client:
                await self._subscribe(client)
                async for message in client.messages:
                    row = self._row(message)
                    if row is not None:
                        yield [row]
        except aiomqtt.MqttError as error:
            raise SourceLostError(str(error.__cause__ or error)) from error

    def _client(self) -> aiomqtt.Client:
        broker = self._broker
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            identifier=broker.client_id,
            clean_session=broker.client_id is None,
            tls_context=broker.tls,
            keepalive=broker.keepalive_s,
            timeout=broker.timeout_s,
            queue_type=newest_only(self._complaints),
            max_queued_incoming_messages=_QUEUED_MESSAGES,
            logger=_quiet,
        )

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        topics = list(self._filters)
        answers = await client.subscribe([(topic, self._broker.qos) for topic in topics])
        for topic, code in zip(topics, answers, strict=False):
            if isinstance(code, int) and code >= _REFUSED:
                raise SourceLostError(f"the topic [{topic}] is refused")

    def _row(self, message: aiomqtt.Message) -> Row | None:
        if message.retain and not self._retained:
            return None
        payload = document(bytes(message.payload))

        def matches(place: Place) -> bool:
            return message.topic.matches(self._filters[place.topic])

        values = values_of(payload, self._places, matches, self._complaints)
        try:
            timestamp = self._timestamp(payload)
        except ValueError as error:
            self._complaints.warn("topic [%s]: timestamp: %s", message.topic, error)
            return None
        row = self._board.update(values, time.monotonic())
        return None if row is None else Row(row, timestamp)

    def _timestamp(self, payload: Any) -> int | None:
        if self._time_place is None:
            return None
        return self._time_place.read(find(payload, self._time_place.place))


_quiet = logging.getLogger(f"{__name__}.aiomqtt")
_quiet.setLevel(logging.CRITICAL)


def _filter(topic: str) -> aiomqtt.Wildcard:
    try:
        return aiomqtt.Wildcard(topic)
    except ValueError as error:
        raise ConfigurationError(f"[{topic}] is not an MQTT topic") from error


def newest_only(complaints: Complaints) -> type[asyncio.Queue[aiomqtt.Message]]:
    """Give a queue that drops its oldest message when it is full."""

    class Newest(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            if self.full():
                self.get_nowait()
                complaints.warn("messages come faster than they are taken, the oldest are dropped")
            super().put_nowait(item)

    return Newest
