"""Random operations on the embedded engine with tiny chunks, on files that fail, with crashes."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.embedded import EmbeddedEngine, ahead, chunks, covering, tails
from joule.storage.embedded.checking.catalog import Known
from joule.storage.embedded.checking.findings import Report
from joule.storage.embedded.checking.spans import check_spans
from joule.storage.embedded.snapshot import snapshot
from joule.storage.interfaces import Kind
from joule.testing.faults import REPORTED, Fault, FaultyFiles
from tests.property.store_machine import places
from tests.property.test_store_against_model import EmbeddedAgainstModel, quick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.storage.embedded.checking import Finding
    from joule.storage.interfaces import Engine

faults = st.sampled_from(REPORTED)
calls = st.integers(0, 300)  # some dozens are made for each transaction


class TinyChunksAgainstModel(EmbeddedAgainstModel):
    """Chunks of 64 rows and spans of three: a few hundred rows are several levels high.

    A commit takes a transaction for each two chunks; it can fail in any of them, and others may go
    on meanwhile.
    """

    everywhere = (64, 256, 1024, 4096)
    sizes = (
        (chunks, "CHUNK_BYTES", 64),
        (covering, "FAN_OUT", 3),
        (covering, "YOUNG_CHUNKS", 2),
        (covering, "SPANS_AT_LEAST", 1),
        (ahead, "AHEAD_CHUNKS", 3),
        (tails, "CHUNKS_PER_COMMIT", 2),
        (tails, "LOG_BYTES_MAX", 30_000),
    )

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        for module, name, value in self.sizes:
            self.patch.setattr(module, name, value)
        chunks.chunk_rows.cache_clear()
        self.files = FaultyFiles()
        self.commits: list[asyncio.Task[None]] = []
        super().__init__()

    def new_engine(self) -> Engine:
        return EmbeddedEngine(self.folder / "joule.db", vfs=self.files.name)

    def teardown(self) -> None:
        try:
            self.end_commits()
            super().teardown()
        finally:
            self.files.unregister()
            self.patch.undo()
            chunks.chunk_rows.cache_clear()

    @rule(commits=st.integers(2, 4), count=st.integers(1, 30))
    def trickle(self, commits: int, count: int) -> None:
        """Let rows come in that wait in several records."""
        for _ in range(commits):
            self.append(count, 1, 2, starts_interval=False)
            self.commit()

    @rule(start=places, count=st.integers(100, 300), turns=st.integers(0, 40))
    def delete_while_rows_come(self, start: float, count: int, turns: int) -> None:
        """Rows that fill chunks come while those before them are being sealed and deleted."""
        self.append(count, 1, 1, starts_interval=False)
        times = self.model.times
        doomed = self.model.inside(Interval(self.time_at(start), times[-1] + 1))
        new = self.values(range(times[-1] + 10, times[-1] + 10 + count))

        async def append() -> None:
            for _ in range(turns):
                await asyncio.sleep(0.0001)
            self.store.append(self.stream, self.rows(new), starts_interval=True)

        async def both() -> None:
            interval = Interval(self.time_at(start), times[-1] + 1)
            deleting = self.store.delete(self.stream, interval)
            removed, _ = await asyncio.gather(deleting, append())
            assert removed == len(doomed)

        self.run(both())
        self.model.remove(doomed)
        self.model.add(new, before=True, behind=False)

    @rule()
    def begin_to_commit(self) -> None:
        """What is done next is done while it goes on."""
        self.commits.append(self.loop.create_task(self.store.commit()))

    @rule(call=calls, fault=faults, is_short_of_room=st.booleans())
    def fail_to_commit(self, call: int, fault: Fault, is_short_of_room: bool) -> None:
        with self.failing(call, fault):
            self.run(self.store.make_room() if is_short_of_room else self.store.commit())

    @rule(call=calls, fault=faults, start=places, end=places)
    def fail_to_delete(self, call: int, fault: Fault, start: float, end: float) -> None:
        interval = Interval(self.time_at(start), self.time_at(end))
        with self.failing(call, fault):
            self.run(self.store.delete(self.stream, interval))
            self.model.remove(self.model.inside(interval))

    @contextmanager
    def failing(self, call: int, fault: Fault) -> Iterator[None]:
        """Let one of the next changes of files go wrong; what the store says is no error here."""
        self.end_commits()
        self.files.plan = {len(self.files.calls) + call: fault}
        with suppress(StorageError):
            yield
        self.files.plan = {}

    def end_commits(self) -> None:
        self.run(self.gathered())

    async def gathered(self) -> None:
        begun, self.commits = self.commits, []
        await asyncio.gather(*begun)

    @rule()
    def reopen(self) -> None:
        self.end_commits()
        super().reopen()

    @rule()
    def be_killed(self) -> None:
        """Go on with the files as they lie there when everything is committed."""
        self.run(self.store.commit())
        self.crash()

    @rule(call=calls, fault=faults)
    def be_killed_while_committing(self, call: int, fault: Fault) -> None:
        """Go on with the rows up to some moment: at least those that were durable before."""
        self.trickle(1, 5)
        durable = self.model.times
        self.append(250, 1, 3, starts_interval=True)
        self.append(5, 7, 1, starts_interval=False)
        with self.failing(call, fault):
            self.run(self.store.commit())
            durable = self.model.times
        self.crash()
        kept = self.run(self.store.count(self.stream, ALL_TIME))
        assert kept >= len(durable)
        self.model.remove(self.model.times[kept:])

    def crash(self) -> None:
        """Go on with the files as they lie there now."""
        self.end_commits()
        crashed = self.folder / "crashed"
        crashed.mkdir()
        for file in self.folder.glob("joule.db*"):
            shutil.copy(file, crashed)
        self.run(self.engine.__aexit__(None, None, None))
        for file in crashed.iterdir():
            file.replace(self.folder / file.name)
        crashed.rmdir()
        self.engine = self.new_engine()
        self.run(self.engine.__aenter__())

    @invariant()
    def nothing_is_lost_to_damage(self) -> None:
        assert self.run(self.engine.usage()).fault is None

    @invariant()
    def spans_are_sums(self) -> None:
        found: list[Finding] = []
        known = Known(layouts={1: self.stream.layout}, paths={(Kind.DATA_STREAM, 1): "stream"})
        with snapshot(self.folder / "joule.db") as connection:
            check_spans(connection, known, Report(found.append))
        assert found == []

    @invariant()
    def ranges_are_counted(self) -> None:
        times = self.model.times
        for first, last in pairwise(times[:: len(times) // 4 + 1]):
            bounds = Interval(first, last)
            counted = self.run(self.store.count(self.stream, bounds))
            assert counted == len(self.model.inside(bounds))


TestTinyChunks = TinyChunksAgainstModel.TestCase
TestTinyChunks.settings = quick
