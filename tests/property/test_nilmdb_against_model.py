"""Random operations on rows in a NilmDB server, in tiny pieces, with requests and answers lost."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.memory import MemoryEngine
from joule.storage.nilmdb import (
    NilmdbEngine,
    cascade,
    covering,
    editing,
    flushing,
    levels,
    reading,
    samples,
    searching,
    stored,
)
from joule.testing.store_model import StoreModel
from tests.integration.nilmdb import NilmDB, serving
from tests.property.store_machine import StoreAgainstModel, counts, everything, places, steps
from tests.property.test_store_against_model import quick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from joule.storage.interfaces import Engine

LAYOUTS = [Layout("int16", 1), Layout("float32", 2)]
ROUTES = [f"/stream/{name}" for name in ("insert", "extract", "intervals", "remove", "list")]

routes = st.sampled_from(ROUTES)
losses = st.sampled_from(["request", "answer"])
skips = st.integers(0, 6)


class CoveredModel(StoreModel):
    """A model without breaks between rows that are one microsecond apart: no time is between."""

    def _put(self, pair: tuple[int, int], *, there: bool) -> None:
        super()._put(pair, there=there and pair[1] - pair[0] > 1)


class NilmdbAgainstModel(StoreAgainstModel):
    """A few hundred rows are several levels high, many windows long and merged in parts."""

    everywhere = (64,)
    sizes: tuple[tuple[ModuleType, str, int], ...] = (
        (cascade, "WORTH_GROUPS", 3),
        (cascade, "WORTH_AT_BREAK", 2),
        (levels, "FILLED_ROWS_MIN", 4),
        (levels, "MADE_UP_BYTES", 4000),
        (covering, "RAW_BYTES", 200),
        (covering, "WINDOW_BYTES", 400),
        (reading, "WINDOW_BYTES", 2000),
        (editing, "MERGED_BYTES", 500),
        (stored, "INSERT_BYTES", 700),
        (flushing, "INSERT_BYTES", 900),
        (samples, "RETAINED_BYTES", 100),
        (searching, "LOOKED_AT_BYTES", 100),
    )

    def __init__(self) -> None:
        self.stack = ExitStack()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module, name, value in self.sizes:
            patch.setattr(module, name, value)
        self.double = self.stack.enter_context(serving(NilmDB()))
        self.inner = MemoryEngine()
        super().__init__()
        self.model = CoveredModel()

    def new_engine(self) -> Engine:
        return NilmdbEngine(self.inner, self.double.url)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.stack.close()

    @initialize(layout=st.sampled_from(LAYOUTS), decimate=st.booleans())
    def begin(self, layout: Layout, decimate: bool) -> None:
        self.stream = StreamRef(1, layout, decimate)

    @rule(count=counts, gap=st.integers(2, 20), step=steps, starts_interval=st.booleans())
    def append(self, count: int, gap: int, step: int, starts_interval: bool) -> None:
        """With time before the rows: while they wait they may have breaks that will be gone."""
        super().append(count, gap, step, starts_interval)

    @rule()
    def reopen(self) -> None:
        self.run(self.store.commit())
        self.run(self.engine.__aexit__(None, None, None))
        self.engine = self.new_engine()
        self.run(self.engine.__aenter__())

    @rule(route=routes, what=losses, skip=skips)
    def fail_to_commit(self, route: str, what: Any, skip: int) -> None:
        with self.losing(route, what, skip):
            self.run(self.store.commit())

    @rule(route=routes, what=losses, skip=skips, start=places, count=st.integers(1, 100))
    def fail_to_insert(self, route: str, what: Any, skip: int, start: float, count: int) -> None:
        """What was there stays there; what is new may be there in part."""
        first = self.time_at(start)
        new = self.values(range(first, first + count * 3, 3))
        new = {time: value for time, value in new.items() if time not in self.model.values}
        if new:
            with self.losing(route, what, skip):
                self.insert_rows(new, before=False, behind=True)
            self.take_over(new)

    @rule(route=routes, what=losses, skip=skips, start=places, end=places)
    def fail_to_delete(self, route: str, what: Any, skip: int, start: float, end: float) -> None:
        interval = ALL_TIME._replace(start=self.time_at(start), end=self.time_at(end))
        doomed = self.model.inside(interval)
        with self.losing(route, what, skip):
            self.run(self.store.delete(self.stream, interval))
        if self.run(self.store.count(self.stream, interval)) == 0:
            self.model.remove(doomed)

    @contextmanager
    def losing(self, route: str, what: Any, skip: int) -> Iterator[None]:
        """Let a request or an answer be lost; what the store says then is no error here."""
        self.double.lose(route, what, skip)
        try:
            yield
        except StorageError:
            pass
        finally:
            self.double.lose("", what)

    def take_over(self, new: dict[int, int]) -> None:
        """Let the model have those of the new rows that are stored, and the breaks as they are."""
        blocks = self.run(everything(self.store.read(self.stream, ALL_TIME)))
        times = [time for block in blocks for time in block.rows["timestamp"].tolist()]
        assert set(self.model.values) <= set(times) <= {*self.model.values, *new}
        self.model.values.update({time: new[time] for time in times if time in new})
        edges = [block.rows["timestamp"][[0, -1]].tolist() for block in blocks]
        self.model.breaks = {
            (left[1], right[0])
            for left, right, block in zip(edges, edges[1:], blocks[1:], strict=False)
            if block.starts_interval
        }


TestNilmdb = NilmdbAgainstModel.TestCase
TestNilmdb.settings = settings(quick, max_examples=10, stateful_step_count=20)
