"""The module files of docs/readers.md under a real node, each with a real source."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest
from aiohttp import web
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from joule import api
from joule.errors import NotFoundError
from tests.integration.broker import Broker
from tests.integration.daemon import Daemon, free_port
from tests.integration.modules import modules_folder
from tests.integration.readers import PATIENCE_S, again_and_again
from tests.integration.test_builtin_serial import Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

DOCS = (Path(__file__).parents[2] / "docs" / "readers.md").read_text()
FILES = {
    re.search(r"joule-(\w+)-reader", text)[1]: text  # type: ignore[index]
    for text in re.findall(r"^```ini\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
}

EXPECTED = {
    "mqtt": [2.3, 230, 21.5],
    "serial": [230, 1.5],
    "modbus": [1.5, 7, 1],
    "http": [42, -3],
    "file": [1, 2],
}
"""The first row of each; what random numbers are nobody knows."""


def add(daemon: Daemon, kind: str, places: Mapping[str, str]) -> None:
    """Put a file of the page into the folder, with our places and this Python's program."""
    text = FILES[kind]
    for shown, ours in places.items():
        assert shown in text
        text = text.replace(shown, ours)
    program = f'{sys.executable} -c "from joule.client.builtins.{kind}_reader import main; main()"'
    text = text.replace(f"joule-{kind}-reader", program)
    (modules_folder(daemon) / f"{kind}.conf").write_text(text)


async def serve_page(stack: AsyncExitStack) -> str:
    async def status(_: web.Request) -> web.Response:
        return web.json_response({"phases": [{"watts": 42}]})

    async def outside(_: web.Request) -> web.Response:
        return web.json_response({"temperature": -3})

    app = web.Application()
    app.add_routes([web.get("/status", status), web.get("/outside", outside)])
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return f"127.0.0.1:{port}"


async def serve_device(stack: AsyncExitStack) -> str:
    port = free_port()
    bits = [SimData(0, values=[False] * 3 + [True] * 13, datatype=DataType.BITS)]
    holding = [SimData(100, values=1.5, datatype=DataType.FLOAT32)]
    inputs = [SimData(7, values=[7000, 0], datatype=DataType.REGISTERS)]
    device = SimDevice(1, simdata=(bits, bits, holding, inputs))
    server: Any = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    stack.push_async_callback(server.shutdown)
    return f"127.0.0.1:{port}"


async def publish(stack: AsyncExitStack, broker: Broker) -> None:
    client = await stack.enter_async_context(aiomqtt.Client("localhost", broker.port))

    async def work(_: int) -> None:
        await client.publish("meter/status", '{"phases": [{"watts": 2300, "volts": 230}]}')
        await client.publish("cellar/temperature", "21.5")

    await stack.enter_async_context(again_and_again(work, 0.1))


async def first_row(node: api.TcpNode, path: str) -> list[float]:
    """The values of the first row of a stream, once it is there."""
    while True:
        try:
            if (await node.data_stream_info(path)).rows:
                break
        except NotFoundError:
            pass
        await asyncio.sleep(0.1)
    rows = await node.data_read_array(path, max_rows=1_000_000)
    values: list[float] = rows["data"][0].tolist()
    return values


async def test_each_file_of_the_page_fills_its_stream(daemon: Daemon) -> None:
    data = daemon.folder / "data.csv"
    data.write_text("1700000000000000,1,2\n1700000000000001,3,4\n")
    instrument = Instrument(daemon.folder / "ttyUSB0")
    instrument.plug()
    async with AsyncExitStack() as stack:
        stack.callback(instrument.unplug)
        broker = stack.enter_context(Broker(daemon.folder))
        add(daemon, "mqtt", {"broker.example.org": broker.place})
        add(daemon, "serial", {"/dev/ttyUSB0": instrument.path})
        add(daemon, "modbus", {"inverter.example.org": await serve_device(stack)})
        add(daemon, "http", {"meter.example.org": await serve_page(stack)})
        add(daemon, "file", {"/var/lib/data.csv": str(data)})
        add(daemon, "random", {})
        assert {path.stem for path in modules_folder(daemon).glob("*.conf")} == set(FILES)
        await publish(stack, broker)
        await stack.enter_async_context(
            again_and_again(lambda _: instrument.send("230, ok, 1500\n"), 0.1)
        )
        await asyncio.to_thread(daemon.start)
        async with (
            api.create_tcp_node(daemon.url, daemon.key, "node") as node,
            asyncio.timeout(PATIENCE_S),
        ):
            for kind, expected in EXPECTED.items():
                assert await first_row(node, f"/readers/{kind}") == pytest.approx(expected), kind
            assert all(0 <= value < 1 for value in await first_row(node, "/readers/random"))
