"""What is read with compressed copies is what the table has, whoever has changed it and however.

Random work of an engine, mixed with statements of other programs while it runs and while it does
not. After each step rows are those of the table, and their breaks those read without copies.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from joule.errors import DuplicateTimestampError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.rows import compressed_copies, compressing, editing, row_reading
from joule.testing.engine_contract.checks import make_rows
from tests.property.test_store_against_model import quick
from tests.unit.storage.postgres.compressed_kit import (
    check_copies,
    connect_stranger,
    joined,
    same,
    table_rows,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from joule.models.layout import Rows
    from joule.storage.stretch import Stretch

    T = TypeVar("T")

LAYOUTS = [Layout("int16", 1), Layout("float64", 2)]
COPY_ROWS, PAGE_ROWS = 8, 20

NUMBERS = [
    (compressing, "COPIES_PER_STEP", 2),
    (compressing, "PAUSE_S", 0.0),
    (compressed_copies, "SHARE_WORTH", 0.0),
    (editing, "ROWS_PER_STEP", 15),
    (row_reading, "BOUNDARIES_MAX", 3),
    (row_reading, "PART_ROWS", 5),
]

AT = "'1970-01-01'::timestamp + {time} * interval '1 microsecond'"
WHERE = f"time >= {AT.format(time='{start}')} AND time < {AT.format(time='{end}')}"
INSERT = f"INSERT INTO {{table}} SELECT {AT.format(time='t')}, {{values}} FROM generate_series"
STATEMENTS = [
    f"UPDATE {{table}} SET elem0 = elem0 + 1 WHERE {WHERE}",
    f"UPDATE {{table}} SET time = time + interval '1 microsecond' WHERE {WHERE}",
    f"DELETE FROM {{table}} WHERE {WHERE}",
    f"{INSERT}({{start}}, {{end}}, {{step}}) t ON CONFLICT DO NOTHING",
    f"{INSERT}({{start}}, {{end}}, {{step}}) t ON CONFLICT (time) DO UPDATE SET elem0 = 9",
    f"WITH gone AS (DELETE FROM {{table}} WHERE {WHERE} RETURNING time)"
    f" {INSERT}({{end}} + 1, {{end}} + 9, {{step}}) t ON CONFLICT DO NOTHING",
]
RARE = [
    "TRUNCATE {table}",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} ENABLE TRIGGER ALL",
    "ALTER TABLE {table} ALTER elem0 TYPE {type} USING elem0 + 1",
]
ISOLATION = ["read_committed", "repeatable_read", "serializable"]

_numbers = count(1)
places, lengths = st.floats(-0.1, 1.1), st.integers(0, 120)
statements = st.sampled_from(STATEMENTS) | st.sampled_from(STATEMENTS * 2 + RARE)


class CopiesAgainstTable(RuleBasedStateMachine):
    """One stream of an engine; all examples share a database."""

    address: str

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module, name, value in NUMBERS:
            self.patch.setattr(module, name, value)
        self.loop = asyncio.new_event_loop()
        self.stranger = self.run(connect_stranger(self.address))
        self.transaction: Any = None
        self.engine = PostgresEngine(Address.parse(self.address))
        self.run(self.engine.__aenter__())
        self.stream = StreamRef(next(_numbers), LAYOUTS[0])
        self.last = self.last_stored = -1

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        try:
            self.end(is_committed=False)
            self.run(self.engine.samples.drop([self.stream.id]))
            self.run(self.engine.__aexit__(None, None, None))
            self.run(self.stranger.close())
        finally:
            self.run(self.loop.shutdown_asyncgens())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            self.stack.close()

    @initialize(layout=st.sampled_from(LAYOUTS), rows=st.integers(1, 200))
    def begin(self, layout: Layout, rows: int) -> None:
        self.stream = StreamRef(self.stream.id, layout)
        self.patch.setattr(compressed_copies, "COPY_BYTES", COPY_ROWS * layout.row_bytes)
        self.patch.setattr(row_reading, "PAGE_BYTES", PAGE_ROWS * layout.row_bytes)
        self.append(rows, 1, 3, starts_interval=False)
        self.commit()
        self.compress_all()

    # ------------------------------------------------------------------ the node

    def time_at(self, place: float) -> int:
        """Give the time at a place between the beginning and the last row."""
        return int(place * self.last)

    def range_at(self, place: float, length: int) -> Interval:
        return Interval(self.time_at(place), self.time_at(place) + length)

    @rule(
        count=st.integers(1, 60),
        gap=st.integers(1, 30),
        step=st.integers(1, 5),
        starts_interval=st.booleans(),
    )
    def append(self, count: int, gap: int, step: int, *, starts_interval: bool) -> None:
        first = self.last + gap
        rows = make_rows(self.stream.layout, range(first, first + count * step, step))
        self.engine.samples.append(self.stream, rows, starts_interval=starts_interval)
        self.last = first + (count - 1) * step

    @precondition(lambda self: self.transaction is None)
    @rule()
    def commit(self) -> None:
        self.run(self.engine.samples.commit())
        self.last_stored = self.last

    @rule(busy_s=st.sampled_from([0.0001, 0.002, 0.01]))
    def compress(self, busy_s: float) -> None:
        making = self.engine.samples._compressing
        assert making is not None
        self.run(making.go_on(busy_s))

    @rule()
    def compress_all(self) -> None:
        self.run(self.engine.samples.compress())

    @precondition(lambda self: self.transaction is None)
    @rule(place=places, rows=st.integers(1, 12), step=st.integers(1, 3), flags=st.booleans())
    def insert(self, place: float, rows: int, step: int, *, flags: bool) -> None:
        first = self.time_at(place)
        times = [first + 3 * step * i for i in range(rows) if first + 3 * step * i <= self.last]
        late = make_rows(self.stream.layout, times)
        breaks = {"starts_interval": flags, "ends_interval": not flags}
        with suppress(DuplicateTimestampError):
            self.run(self.engine.samples.insert(self.stream, late, **breaks))

    @precondition(lambda self: self.transaction is None)
    @rule(place=places, length=lengths)
    def delete(self, place: float, length: int) -> None:
        self.run(self.engine.samples.delete(self.stream, self.range_at(place, length)))

    @precondition(lambda self: self.transaction is None)
    @rule(place=st.floats(0, 0.3))
    def retain(self, place: float) -> None:
        self.run(self.engine.samples.retain(self.stream, self.time_at(place)))

    @precondition(lambda self: self.transaction is None)
    @rule(place=places, length=lengths, gap=st.integers(0, 40))
    def consolidate(self, place: float, length: int, gap: int) -> None:
        inside = self.range_at(place, length)
        self.run(self.engine.samples.consolidate(self.stream, inside, gap))

    # ------------------------------------------------------------------ others

    def script(self, statement: str, place: float, length: int, step: int) -> str:
        """Give the SQL for a change, of no row where the next commit may put one."""
        layout, start = self.stream.layout, self.time_at(place)
        return statement.format(
            table=f"data.stream{self.stream.id}",
            values=", ".join(["3"] * layout.width),
            type="smallint" if layout.datatype == "int16" else "double precision",
            start=start,
            end=min(start + length, self.last_stored - 9),
            step=step,
        )

    def execute(self, script: str) -> None:
        with suppress(asyncpg.UniqueViolationError, asyncpg.SerializationError):
            self.run(self.stranger.execute(script))

    @precondition(lambda self: self.transaction is None)
    @rule(statement=statements, place=places, length=lengths, step=st.integers(1, 9))
    def change(self, statement: str, place: float, length: int, step: int) -> None:
        self.execute(self.script(statement, place, length, step))

    @precondition(lambda self: self.transaction is None)
    @rule(isolation=st.sampled_from(ISOLATION))
    def open(self, isolation: str) -> None:
        """Begin a transaction that sees what there is now, if it sees the same all along."""
        self.transaction = self.stranger.transaction(isolation=isolation)
        self.run(self.transaction.start())
        self.run(self.stranger.execute("SELECT count(*) FROM metadata.stream"))

    @precondition(lambda self: self.transaction is not None)
    @rule(statement=st.sampled_from(STATEMENTS), place=places, length=lengths, kept=st.booleans())
    def change_and_end(self, statement: str, place: float, length: int, *, kept: bool) -> None:
        """Compress while a transaction has changed rows, then end it."""
        self.execute(self.script(statement, place, length, 2))
        self.compress_all()
        self.end(is_committed=kept)

    @precondition(lambda self: self.transaction is not None)
    @rule(is_committed=st.booleans())
    def end(self, *, is_committed: bool) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            with suppress(asyncpg.PostgresError):
                self.run(transaction.commit() if is_committed else transaction.rollback())

    @precondition(lambda self: self.transaction is None)
    @rule(statement=st.none() | statements, place=places, length=lengths, step=st.integers(1, 9))
    def reopen(self, statement: str | None, place: float, length: int, step: int) -> None:
        self.run(self.engine.__aexit__(None, None, None))
        if statement is not None:
            self.execute(self.script(statement, place, length, step))
        self.engine = PostgresEngine(Address.parse(self.address))
        self.run(self.engine.__aenter__())
        self.last = max(self.run(self.engine.samples.info(self.stream)).end or 0, self.last)
        self.last_stored = self.last

    # ------------------------------------------------------------------ what must hold

    async def read(self, interval: Interval) -> Stretch:
        blocks = [block async for block in self.engine.samples.read(self.stream, interval)]
        return joined(blocks, self.stream)

    @rule(place=places, length=st.integers(1, 400))
    def read_some(self, place: float, length: int) -> None:
        self.check(self.range_at(place, length))

    @invariant()
    def all_rows_are_those_of_the_table(self) -> None:
        self.check(ALL_TIME)

    def check(self, interval: Interval) -> None:
        found = self.run(self.read(interval))
        with self.patch.context() as patch:
            patch.setattr(compressed_copies, "SHARE_WORTH", 1e9)
            plain = self.run(self.read(interval))
        assert same(found, plain)
        self.run(self.check_table(found.rows, interval))

    async def check_table(self, found: Rows, interval: Interval) -> None:
        """Fail unless these are the rows of the table as far as the node knows it, and pending."""
        (known,) = await self.engine.samples._changes.known([self.stream])
        stored = known.stored(interval)
        rows, server = [self.stream.layout.empty()], self.engine._server
        if stored is not None:
            rows.append(await server.read(lambda c: table_rows(c, self.stream, stored)))
        rows += [piece.rows for piece in known.view.clip(interval).pieces]
        assert found.tobytes() == np.concatenate(rows).tobytes()

    @invariant()
    def copies_are_what_they_say(self) -> None:
        self.run(self.engine._server.read(lambda c: check_copies(c, self.stream)))


def test_compressed_copies_against_table(postgres_address: str) -> None:
    CopiesAgainstTable.address = postgres_address
    few = settings(quick, max_examples=8, stateful_step_count=20, print_blob=True)
    run_state_machine_as_test(CopiesAgainstTable, settings=few)
