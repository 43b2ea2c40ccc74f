"""joule-modbus-reader with the Modbus library's own server."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from joule.client.builtins.modbus_reader import ModbusReader
from joule.errors import ConfigurationError
from tests.integration.daemon import free_port
from tests.integration.readers import Sink, logged, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = ("--interval", "0.05")


def registers(kind: str, value: float, *, swapped: bool = False) -> list[int]:
    """The registers that hold a value, as the standard says: high bytes and words first."""
    words = list(struct.unpack(f">{struct.calcsize(kind) // 2}H", struct.pack(f">{kind}", value)))
    return words[::-1] if swapped else words


def block(address: int, words: list[int]) -> SimData:
    return SimData(address, values=words, datatype=DataType.REGISTERS)


@asynccontextmanager
async def device(
    holding: list[SimData], port: int | None = None, device_id: int = 1
) -> AsyncIterator[str]:
    """A device with these holding registers, some input registers, coils and inputs."""
    port = port or free_port()
    coils = [SimData(0, values=[True, False, True] + [False] * 13, datatype=DataType.BITS)]
    discrete = [SimData(0, values=[False, True] + [False] * 14, datatype=DataType.BITS)]
    inputs = [block(7, registers("I", 3_000_000_000, swapped=True))]
    made = SimDevice(device_id, simdata=(coils, discrete, holding, inputs))
    server: Any = ModbusTcpServer(made, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.shutdown()


async def test_registers_of_all_kinds_become_a_row() -> None:
    holding = [
        block(0, registers("h", -5)),
        block(1, registers("H", 65535)),
        block(2, registers("i", -70_000)),
        block(4, registers("f", 1.5)),
        block(6, registers("q", -(2**40))),
        block(10, registers("d", 0.1)),
        block(14, registers("Q", 2**40, swapped=True)),
    ]
    elements = """
        holding 0 int16 scale=0.5 offset=1
        holding 1 uint16
        holding 2 int32
        holding 4 float32
        holding 6 int64
        holding 10 float64
        holding 14 uint64 little
        input 7 uint32 little
        coil 2
        coil 1
        discrete 1
    """
    sink = Sink("float64_11")
    async with (
        device(holding) as place,
        running(ModbusReader(), sink, elements, "--device", place, *QUICK),
    ):
        await sink.rows(3)
    expected = [-1.5, 65535, -70_000, 1.5, -(2**40), 0.1, 2**40, 3_000_000_000, 1, 0, 1]
    assert sink.values == [expected] * len(sink.values)
    assert len(sink.intervals) == 1


async def test_the_time_may_be_in_a_register() -> None:
    holding = [block(0, registers("I", 1_700_000_000)), block(2, registers("h", 7))]
    sink = Sink("int16_1")
    words = ("--timestamp", "holding 0 uint32")
    async with (
        device(holding) as place,
        running(ModbusReader(), sink, "holding 2 int16", "--device", place, *words, *QUICK),
    ):
        await sink.rows(1)
    assert sink.intervals == [[(1_700_000_000_000_000, [7])]]


async def test_a_device_that_comes_back_is_read_again_and_the_gap_is_a_break(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    sink = Sink("float32_1")
    words = ("--device", f"127.0.0.1:{port}", "--timeout", "1", *QUICK)
    async with running(ModbusReader(), sink, "holding 0 int16", *words):
        await logged(lambda: caplog.text, f"device [127.0.0.1:{port}]: cannot connect")
        async with device([block(0, [1])], port):
            await sink.rows(3)
        caplog.clear()
        await logged(lambda: caplog.text, "cannot connect")
        await asyncio.sleep(0.3)
        async with device([block(0, [2])], port):
            await sink.until(lambda: len(sink.intervals) > 1)
            await sink.rows(2)
    before, after = sink.intervals
    assert {value for _, (value,) in before} == {1}
    assert {value for _, (value,) in after} == {2}


async def test_what_the_device_refuses_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async with device([block(0, [1])]) as place:
        words = ("--device", place, "--timeout", "1", *QUICK)
        async with running(ModbusReader(), Sink("float32_1"), "holding 50 int32", *words):
            await logged(lambda: caplog.text, "holding 50 (2): the device has no such address")


async def test_one_that_does_not_answer_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    words = ("--device", f"127.0.0.1:{port}", "--timeout", "0.2", *QUICK)
    async with server, running(ModbusReader(), Sink("float32_1"), "coil 1", *words):
        await logged(lambda: caplog.text, "no answer for coil 1 (1), next attempt in 0.05 s")


@pytest.mark.parametrize(
    ("elements", "words", "fault"),
    [
        ("coil 1", (), r"set \[device\]"),
        ("relay 1", ("--device", "x"), r"element \[relay 1\]: \[relay\] is not one of"),
        ("coil 1", ("--device", "x", "--word-order", "odd"), "word_order must be one of"),
        ("coil 1", ("--device", "x", "--device-id", "256"), "device_id must be a number up to 255"),
        ("coil 1", ("--device", "x", "--interval", "0"), "interval must be a number above 0"),
        ("coil 1", ("--device", "x", "--timestamp", "coil"), "timestamp: give TABLE ADDRESS"),
    ],
)
async def test_a_bad_configuration_is_refused(
    elements: str, words: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        async with running(ModbusReader(), Sink("float32_1"), elements, *words):
            await asyncio.sleep(0)
