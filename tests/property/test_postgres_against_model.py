"""The PostgreSQL engine and a model, driven side by side, with pages and steps of some rows."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.levels import decimating, level_writing
from joule.storage.postgres.rows import editing, group_reading, row_reading, row_writing
from tests.property.store_machine import StoreAgainstModel
from tests.property.test_store_against_model import quick

if TYPE_CHECKING:
    from types import ModuleType

    from joule.storage.interfaces import Engine

LAYOUTS = [Layout("float64", 20), Layout("int32", 120), Layout("float32", 540)]
"""What fits a table; groups of the last do not."""

ROWS = 60

_numbers = count(1)


class PostgresAgainstModel(StoreAgainstModel):
    """All examples share a database; each has a stream of its own."""

    address: str
    sizes: tuple[tuple[ModuleType, str], ...] = (
        (row_reading, "PAGE_BYTES"),
        (row_writing, "COPY_BYTES_MAX"),
        (decimating, "STEP_BYTES"),
        (level_writing, "PAGE_BYTES"),
        (group_reading, "PAGE_BYTES"),
    )
    """What is made to hold ``ROWS`` rows."""
    numbers: tuple[tuple[ModuleType, str, int], ...] = (
        (row_reading, "BOUNDARIES_MAX", 2),
        (editing, "ROWS_PER_STEP", 40),
        (editing, "BREAKS_PER_STEP", 3),
        (editing, "REMADE_ROWS_MAX", 20),
        (level_writing, "REMADE_ROWS_MAX", 20),
    )

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module, name, value in self.numbers:
            self.patch.setattr(module, name, value)
        super().__init__()

    def new_engine(self) -> Engine:
        return PostgresEngine(Address.parse(self.address))

    @initialize(layout=st.sampled_from(LAYOUTS), decimate=st.booleans())
    def begin(self, layout: Layout, decimate: bool) -> None:
        self.stream = StreamRef(next(_numbers), layout, decimate)
        for module, name in self.sizes:
            self.patch.setattr(module, name, ROWS * layout.row_bytes)

    @rule()
    def reopen(self) -> None:
        self.run(self.engine.__aexit__(None, None, None))
        self.engine = self.new_engine()
        self.run(self.engine.__aenter__())

    def teardown(self) -> None:
        try:
            self.run(self.store.drop([self.stream.id]))
            super().teardown()
        finally:
            self.stack.close()


def test_postgres_against_model(postgres_address: str) -> None:
    PostgresAgainstModel.address = postgres_address
    few = settings(quick, max_examples=8)  # each step asks a server a dozen questions
    run_state_machine_as_test(PostgresAgainstModel, settings=few)
