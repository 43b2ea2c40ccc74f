"""joule-mqtt-reader with a real broker."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from joule.client.builtins.mqtt_reader import MqttReader
from joule.errors import ConfigurationError
from tests.integration.broker import MOSQUITTO, PASSWORD, USER, Broker
from tests.integration.certificates import self_signed, signed
from tests.integration.daemon import free_port
from tests.integration.readers import Sink, again_and_again, logged, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as made:
        yield made


@asynccontextmanager
async def publishing(broker: Broker, topic: str, text: str) -> AsyncIterator[None]:
    """Publish a text meanwhile, in which N is 1, 2, 3..."""
    async with (
        aiomqtt.Client("localhost", broker.port) as client,
        again_and_again(lambda n: client.publish(topic, text.replace("N", str(n)))),
    ):
        yield


async def test_json_and_plain_numbers_of_several_topics_make_rows(broker: Broker) -> None:
    elements = "one/+ $.watts[1] scale=0.5\none/+ $.volts offset=-1\nheat"
    sink = Sink("float32_3")
    async with (
        publishing(broker, "one/meter", '{"watts": [0, N], "volts": 230}'),
        publishing(broker, "heat", "21.5"),
        running(MqttReader(), sink, elements, "--broker", broker.place),
    ):
        await sink.rows(5)
    (rows,) = sink.intervals
    times = [time for time, _ in rows]
    assert times == sorted(set(times))
    watts = [values[0] for _, values in rows]
    assert watts == sorted(set(watts))
    assert all(values[1:] == [229, 21.5] for _, values in rows)


async def test_each_message_may_make_a_row_in_which_the_others_keep_their_values(
    broker: Broker,
) -> None:
    sink = Sink("float32_2")
    words = ("--broker", broker.place, "--rows", "each", "--retained", "yes")
    async with aiomqtt.Client("localhost", broker.port) as client:
        await client.publish("state", "ON", retain=True)
        async with (
            publishing(broker, "fast", "N"),
            running(MqttReader(), sink, "fast\nstate", *words),
        ):
            await sink.rows(5)
    numbers = [first for first, _ in sink.values]
    assert numbers == list(range(int(numbers[0]), int(numbers[0]) + len(numbers)))
    assert {second for _, second in sink.values} == {1}


async def test_values_from_before_are_not_used_unless_wanted(broker: Broker) -> None:
    sink = Sink("float32_1")
    async with aiomqtt.Client("localhost", broker.port) as client:
        await client.publish("old", "-1", retain=True)
    async with (
        running(MqttReader(), sink, "old", "--broker", broker.place),
        publishing(broker, "old", "N"),
    ):
        await sink.rows(2)
    assert min(sink.values) >= [1]


async def test_the_time_may_be_in_the_message(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink("int64_1")
    words = ("--timestamp", "$.at", "--timestamp-unit", "ms", "--gap", "1")
    async with (
        running(MqttReader(), sink, "timed $.v", "--broker", broker.place, *words),
        publishing(broker, "timed", '{"at": 170000000N00, "v": N}'),
        publishing(broker, "timed", '{"at": "soon", "v": 0}'),
    ):
        await sink.rows(3)
        await logged(lambda: caplog.text, "'soon' is not a time")
    for time, (value,) in [row for interval in sink.intervals for row in interval]:
        assert time == int(f"170000000{value}00") * 1000


async def test_bad_messages_are_left_out_with_a_reason(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink("float32_1")
    async with (
        running(MqttReader(), sink, "mixed $.v", "--broker", broker.place),
        publishing(broker, "mixed", "noise"),
        publishing(broker, "mixed", '{"v": N}'),
    ):
        await sink.rows(3)
        await logged(lambda: caplog.text, "element [mixed $.v]: the message has no such value")


async def test_a_broker_that_comes_back_is_used_again_and_the_gap_is_a_break(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink("float32_1")
    async with running(MqttReader(), sink, "t", "--broker", broker.place, "--gap", "0.5"):
        async with publishing(broker, "t", "N"):
            await sink.rows(3)
        await asyncio.to_thread(broker.end)
        await logged(lambda: caplog.text, f"broker [{broker.place}]: ")
        await asyncio.sleep(0.6)
        await asyncio.to_thread(broker.start)
        async with publishing(broker, "t", "N"):
            await sink.until(lambda: len(sink.intervals) > 1)
            await sink.rows(3)
    first, second = sink.intervals
    assert second[0][0] - first[-1][0] > 500_000


async def test_a_login_may_be_needed_and_a_wrong_one_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text("wrong")
    with Broker(tmp_path, login=True) as broker:
        login = ("--broker", broker.place, "--user", USER, "--password-file", str(file))
        async with running(MqttReader(), Sink("float32_1"), "t", *login):
            await logged(lambda: caplog.text.lower(), "not authori")
        file.write_text(f"{PASSWORD}\n")
        sink = Sink("float32_1")
        async with (
            running(MqttReader(), sink, "t", *login),
            aiomqtt.Client("localhost", broker.port, username=USER, password=PASSWORD) as client,
            again_and_again(lambda n: client.publish("t", str(n))),
        ):
            await sink.rows(2)


# The library leaves a connection whose certificate is refused to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
async def test_a_connection_may_be_encrypted_and_is_verified(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = self_signed(tmp_path, "authority")
    with Broker(tmp_path, certificate=signed(tmp_path, authority)) as broker:
        encrypted = ("--broker", broker.place, "--tls", "yes")
        async with running(MqttReader(), Sink("float32_1"), "t", *encrypted):
            await logged(lambda: caplog.text, "certificate verify failed")
        gc.collect()
        trusted = (*encrypted, "--ca", str(authority.file))
        tls = aiomqtt.TLSParameters(ca_certs=str(authority.file))
        sink = Sink("float32_1")
        async with (
            running(MqttReader(), sink, "t", *trusted),
            aiomqtt.Client("localhost", broker.port, tls_params=tls) as client,
            again_and_again(lambda n: client.publish("t", str(n))),
        ):
            await sink.rows(2)


@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto: the other broker forgets sessions")
async def test_a_client_id_keeps_messages_while_the_reader_is_away(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    first, second = Sink("int64_1"), Sink("int64_1")
    with Broker(tmp_path, login=True) as broker:
        login = ("--broker", broker.place, "--user", USER, "--password-file", str(file))
        words = (*login, "--client-id", "me", "--timestamp", "$.t")
        place = ("localhost", broker.port)
        async with aiomqtt.Client(*place, username=USER, password=PASSWORD) as client:

            async def send(number: int) -> None:
                await client.publish("kept", json.dumps({"v": number, "t": number}), qos=1)

            async with again_and_again(send), running(MqttReader(), first, "kept $.v", *words):
                await first.rows(1)
            for number in range(100_001, 100_006):
                await send(number)
            async with running(MqttReader(), second, "kept $.v", *words):
                await second.until(lambda: [100_005] in second.values)
    late = [value for (value,) in second.values if value > 100_000]
    assert late == list(range(100_001, 100_006))


async def test_a_broker_that_is_not_there_is_said_and_a_stop_comes_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = f"127.0.0.1:{free_port()}"
    async with running(MqttReader(), Sink("float32_1"), "t", "--broker", place):
        await logged(lambda: caplog.text, f"broker [{place}]: [Errno 111] Connection refused")
        await logged(lambda: caplog.text, "next attempt in 0.2 s")


@pytest.mark.parametrize(
    ("elements", "words", "fault"),
    [
        ("t", (), "set .broker."),
        ("a/#/b", ("--broker", "x"), "is not an MQTT topic"),
        ("t", ("--broker", "x", "--qos", "3"), "qos must be one of"),
        ("t", ("--broker", "x", "--rows", "some"), "rows must be one of"),
        ("t", ("--broker", "x:y"), "broker must be HOST"),
        ("t", ("--broker", "x", "--ca", "y"), "need .tls = yes."),
    ],
)
async def test_a_bad_configuration_is_refused(
    elements: str, words: tuple[str, ...], fault: str
) -> None:
    module = MqttReader()
    with pytest.raises(ConfigurationError, match=fault):
        async with running(module, Sink("float32_1"), elements, *words):
            await asyncio.sleep(0)
