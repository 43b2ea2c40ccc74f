"""Where values are in a Modbus device, and with which requests they are read."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.client.builtins.modbus_reader.registers import (
    SIZES,
    Register,
    Request,
    parse_register,
    plan,
)


def test_a_register_is_table_address_and_type() -> None:
    assert parse_register(["holding", "100", "float32"]) == Register("holding", 100, "float32")
    assert parse_register(["input", "0x10", "int64", "little"], "big") == Register(
        "input", 16, "int64", "little"
    )
    assert parse_register(["holding", "1", "int32"], "little").word_order == "little"
    assert parse_register(["coil", "3"]).size == 1


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("", "[] is not one of [holding"),
        ("relay 1", "[relay] is not one of"),
        ("coil", "give TABLE ADDRESS"),
        ("coil 1 int16", "give TABLE ADDRESS"),
        ("holding 1", "give TABLE ADDRESS TYPE"),
        ("holding 1 int8", "[int8] is not one of [int16"),
        ("holding -1 int16", "[-1] is not an address"),
        ("holding 65535 int32", "must be below 65535"),
        ("holding 1 int32 middle", "the word order is big or little, not [middle]"),
    ],
)
def test_what_is_no_register_is_refused_clearly(words: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        parse_register(words.split())


def test_neighbours_are_read_at_once_and_nothing_in_between() -> None:
    registers = [
        Register("holding", 4, "float32"),
        Register("holding", 0, "float64"),
        Register("holding", 5, "int16"),
        Register("holding", 8, "int16"),
        Register("input", 6, "int16"),
    ]
    assert plan(registers) == [
        Request("holding", 0, 6),
        Request("holding", 8, 1),
        Request("input", 6, 1),
    ]


REGISTERS = st.builds(
    Register,
    st.sampled_from(["holding", "input"]),
    st.integers(0, 300),
    st.sampled_from(sorted(SIZES)),
)


@given(st.lists(REGISTERS, min_size=1, max_size=80))
def test_whatever_is_wanted_is_covered_by_requests_that_devices_answer(
    registers: list[Register],
) -> None:
    requests = plan(registers)
    wanted = {(r.table, a) for r in registers for a in range(r.address, r.address + r.size)}
    asked = {(r.table, a) for r in requests for a in range(r.address, r.address + r.count)}
    assert asked == wanted
    assert all(request.count <= 125 for request in requests)
    for register in registers:
        request = next(request for request in requests if request.covers(register))
        assert len(range(request.count)[request.slice(register)]) == register.size
    for first, second in pairwise(requests):
        assert (first.table, first.address) < (second.table, second.address)
