"""Which registers hold the value of an element, and how to read many with few requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REGISTER_TABLES = ("holding", "input")
BIT_TABLES = ("coil", "discrete")
WORD_ORDERS = ("big", "little")

SIZES = {
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
}
"""Number of registers that a value of each type takes."""

_LONGEST = {"holding": 125, "input": 125, "coil": 2000, "discrete": 2000}
"""What one request may ask for."""

_ADDRESSES = 65536


@dataclass(frozen=True, slots=True)
class Register:
    """A value in a device: one bit, or ``size`` registers from ``address`` (from 0) on."""

    table: str
    address: int
    type: str = "bit"
    word_order: str = "big"

    @property
    def size(self) -> int:
        """Number of bits or registers."""
        return SIZES.get(self.type, 1)


@dataclass(frozen=True, slots=True)
class Request:
    """A stretch of a table that is read at once."""

    table: str
    address: int
    count: int

    def slice(self, register: Register) -> slice:
        """Where in the answer a register is."""
        start = register.address - self.address
        return slice(start, start + register.size)

    def covers(self, register: Register) -> bool:
        """Whether all of a register is in the answer."""
        end = register.address + register.size
        return (
            self.table == register.table
            and self.address <= register.address
            and end <= self.address + self.count
        )


def parse_register(words: Sequence[str], word_order: str = "big") -> Register:
    """Read ``holding 100 float32``, ``input 7 uint32 little`` or ``coil 3``.

    Raises ``ValueError`` that says what is wrong.
    """
    table = words[0] if words else ""
    if table in BIT_TABLES:
        register = _bit(words)
    elif table in REGISTER_TABLES:
        register = _number(words, word_order)
    else:
        raise ValueError(f"[{table}] is not one of [{', '.join(_LONGEST)}]")
    if register.address + register.size > _ADDRESSES:
        raise ValueError(f"the address must be below {_ADDRESSES - register.size + 1}")
    return register


def plan(registers: Iterable[Register]) -> list[Request]:
    """Give the requests that read all registers.

    Neighbours are read at once, so that values that belong together are of one moment; addresses
    in between that nobody wants are not asked for, a device may refuse them.
    """
    requests: list[Request] = []
    for register in sorted(set(registers), key=lambda r: (r.table, r.address, r.size)):
        end = register.address + register.size
        last = requests[-1] if requests else None
        if last and last.table == register.table and register.address <= last.address + last.count:
            count = max(last.count, end - last.address)
            if count <= _LONGEST[register.table]:
                requests[-1] = Request(last.table, last.address, count)
                continue
        requests.append(Request(register.table, register.address, register.size))
    return requests


def _bit(words: Sequence[str]) -> Register:
    if len(words) != 2:
        raise ValueError("give TABLE ADDRESS")
    return Register(words[0], _address(words[1]))


def _number(words: Sequence[str], word_order: str) -> Register:
    if not 3 <= len(words) <= 4:
        raise ValueError("give TABLE ADDRESS TYPE and, if wanted, the word order")
    table, address, kind, order = (*words, word_order)[:4]
    if kind not in SIZES:
        raise ValueError(f"[{kind}] is not one of [{', '.join(SIZES)}]")
    if order not in WORD_ORDERS:
        raise ValueError(f"the word order is big or little, not [{order}]")
    return Register(table, _address(address), kind, order)


def _address(text: str) -> int:
    try:
        address = int(text, 0)
    except ValueError:
        address = -1
    if address < 0:
        raise ValueError(f"[{text}] is not an address, the first is 0")
    return address
