"""The connection to a device; the only file that knows the Modbus library."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from joule.client.builtins.modbus_reader.registers import BIT_TABLES, plan
from joule.client.sources.source import PolledSource, Row, SourceLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.client.base_module import BaseModule
    from joule.client.builtins.modbus_reader.registers import Register, Request
    from joule.client.sources.elements import ElementLine
    from joule.client.sources.time_place import TimePlace

# What it logs is said by us, once and with the reason.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

_FAULTS = {
    1: "the device does not know this table",
    2: "the device has no such address",
    3: "the device refuses the number of registers",
    4: "the device has failed",
    6: "the device is busy",
    10: "the gateway has no path to the device",
    11: "the device behind the gateway does not answer",
}
"""Exception codes that a device may answer with."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is; a gateway has several, told apart by their id."""

    host: str
    port: int = 502
    device_id: int = 1
    timeout_s: float = 10.0


class Device(PolledSource):
    """Reads the registers of all elements for each row."""

    def __init__(
        self,
        module: BaseModule,
        period_s: float,
        address: Address,
        elements: Sequence[tuple[Register, ElementLine]],
        time: TimePlace[Register] | None = None,
    ) -> None:
        super().__init__(module, period_s)
        self.name = f"device [{address.host}:{address.port}]"
        self._address = address
        self._elements = elements
        self._time = time
        self._requests = plan(
            [register for register, _ in elements] + ([time.place] if time else [])
        )
        self._client: AsyncModbusTcpClient | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold a connection to the device."""
        place = self._address
        client = AsyncModbusTcpClient(
            place.host, port=place.port, timeout=place.timeout_s, retries=0, reconnect_delay=0
        )
        try:
            if not await client.connect():
                raise SourceLostError("cannot connect")
            self._client = client
            yield
        finally:
            self._client = None
            client.close()

    async def poll(self) -> Row:
        """Read all registers and give their values."""
        answers = [(request, await self._read(request)) for request in self._requests]
        values = [element.apply(_value(register, answers)) for register, element in self._elements]
        if self._time is None:
            return Row(values)
        try:
            return Row(values, self._time.read(_value(self._time.place, answers)))
        except ValueError as error:
            raise SourceLostError(f"timestamp: {error}") from error

    async def _read(self, request: Request) -> Sequence[int]:
        assert self._client is not None
        read = {
            "holding": self._client.read_holding_registers,
            "input": self._client.read_input_registers,
            "coil": self._client.read_coils,
            "discrete": self._client.read_discrete_inputs,
        }[request.table]
        what = f"{request.table} {request.address} ({request.count})"
        try:
            answer = await read(
                request.address, count=request.count, device_id=self._address.device_id
            )
        except ModbusException as error:
            raise SourceLostError(f"no answer for {what}") from error
        if answer.isError():
            code = getattr(answer, "exception_code", 0)
            raise SourceLostError(f"{what}: {_FAULTS.get(code, f'exception {code}')}")
        words = answer.bits if request.table in BIT_TABLES else answer.registers
        if len(words) < request.count:
            raise SourceLostError(f"{what}: the answer is too short")
        return words


def _value(register: Register, answers: Sequence[tuple[Request, Sequence[int]]]) -> float:
    words = next(
        words[request.slice(register)] for request, words in answers if request.covers(register)
    )
    if register.table in BIT_TABLES:
        return int(words[0])
    kind = AsyncModbusTcpClient.DATATYPE[register.type.upper()]
    value: Any = AsyncModbusTcpClient.convert_from_registers(
        list(words), kind, word_order="little" if register.word_order == "little" else "big"
    )
    number: float = value
    return number
