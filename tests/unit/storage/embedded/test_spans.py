"""Spans: made of full neighbours, left alone by what happens elsewhere, and never wrong."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np
import pytest

from joule.errors import StorageDamagedError
from joule.models.decimation import concat
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine, chunks, covering
from joule.storage.embedded.checking.catalog import Known
from joule.storage.embedded.checking.findings import Report
from joule.storage.embedded.checking.spans import check_spans
from joule.storage.embedded.chunk_table import ChunkTable
from joule.storage.embedded.chunks import Chunks
from joule.storage.embedded.covering import cover
from joule.storage.embedded.snapshot import snapshot
from joule.storage.embedded.span_groups import decode_summary, encode_summary
from joule.storage.embedded.span_table import Span
from joule.storage.embedded.span_upgrade import build_spans
from joule.storage.interfaces import CatalogChanges, StreamRef
from joule.storage.memory import MemoryEngine
from joule.storage.stretch import NO_BREAKS, Stretch, cut
from joule.storage.summary import Summary
from joule.testing.engine_contract.checks import check_stream, make_rows

from .stores import findings, records, stream_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from joule.models.decimation import Groups
    from joule.storage.interfaces import Engine

INTS = StreamRef(2, Layout("int16", 3))
STEP = 10


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chunks of 64 rows, spans of four, one young chunk."""
    chunks.chunk_rows.cache_clear()
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 64)
    monkeypatch.setattr(covering, "FAN_OUT", 4)
    monkeypatch.setattr(covering, "YOUNG_CHUNKS", 1)
    monkeypatch.setattr(covering, "SPANS_AT_LEAST", 1)
    yield
    chunks.chunk_rows.cache_clear()


async def append(engine: Engine, count: int, *, first: int = 0, breaks: bool = False) -> None:
    """Append so many chunks, from the chunk number ``first`` on."""
    rows = make_rows(INTS.layout, np.arange(first * 64, (first + count) * 64) * STEP)
    engine.samples.append(INTS, rows, starts_interval=breaks)
    await engine.samples.commit()


def chunk_range(first: int, last: int) -> Interval:
    """Give the time from the beginning of one chunk to the beginning of another."""
    return Interval(first * 64 * STEP, last * 64 * STEP)


def spans(path: Path) -> list[tuple[int, int, int, int]]:
    """Id, level, first and last chunk of every span, by level and time."""
    with closing(apsw.Connection(str(path))) as connection:
        found = connection.execute("SELECT id, level, first, last FROM span ORDER BY 2, 3")
        size = 64 * STEP
        return [(id_, level, a // size, b // size) for id_, level, a, b in found]


def places(path: Path) -> list[tuple[int, int, int]]:
    return [span[1:] for span in spans(path)]


def faults(path: Path) -> list[str]:
    found: list[str] = []
    with snapshot(path) as connection:
        known = Known(layouts={INTS.id: INTS.layout})
        check_spans(connection, known, Report(lambda finding: found.append(finding.text)))
    return found


async def groups_of(engine: Engine, level: int, bounds: Interval = ALL_TIME) -> Groups:
    reading = engine.samples.read_decimated(INTS, bounds, level)
    return concat([block.groups async for block in reading])


async def test_full_neighbours_become_spans(engine: EmbeddedEngine, path: Path) -> None:
    await append(engine, 22)
    level_1 = [(1, first, first + 3) for first in range(0, 20, 4)]
    assert places(path) == [*level_1, (2, 0, 15)]


@pytest.mark.parametrize("at_once", [1, 7, 70])
async def test_it_does_not_matter_how_many_chunks_come_at_once(
    engine: EmbeddedEngine, path: Path, at_once: int
) -> None:
    for first in range(0, 70, at_once):
        await append(engine, at_once, first=first)
    assert [place for place in places(path) if place[0] > 1] == [
        *((2, first, first + 15) for first in range(0, 64, 16)),
        (3, 0, 63),
    ]
    assert faults(path) == []


@pytest.mark.parametrize("level", [64, 256, 1024, 4096, 16384, 65536])
async def test_groups_of_full_chunks_are_those_of_the_rows(
    engine: EmbeddedEngine, level: int
) -> None:
    reference = MemoryEngine()
    for number in range(6):  # appended in order, with a break between any two
        for each in (engine, reference):
            await append(each, 13, first=number * 13, breaks=True)
    for each in (engine, reference):
        assert await each.samples.consolidate(INTS, ALL_TIME, STEP) == 5
    for bounds in (ALL_TIME, chunk_range(0, 75), chunk_range(16, 75)):
        found, expected = [await groups_of(e, level, bounds) for e in (engine, reference)]
        for name in ("count", "minimum", "maximum"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
        assert (np.abs(found.timestamp - expected.timestamp) <= 4).all()


async def test_an_overview_reads_spans_alone(engine: EmbeddedEngine, path: Path) -> None:
    await append(engine, 65)
    expected = await groups_of(engine, 1024)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("DELETE FROM pyramid WHERE first < ?", (chunk_range(0, 64).end,))
        connection.execute("UPDATE chunk_data SET data = x'00' WHERE id <= 64").fetchall()
    found = await groups_of(engine, 1024, chunk_range(0, 64))
    np.testing.assert_array_equal(found.mean, expected.mean[: len(found)])
    assert await engine.samples.count(INTS, chunk_range(3, 62)) == 59 * 64


async def test_retention_moves_no_span(engine: EmbeddedEngine, path: Path) -> None:
    await append(engine, 70)
    before = spans(path)
    await engine.samples.retain(INTS, chunk_range(5, 6).start)
    assert spans(path) == [s for s in before if s[2] >= 5]
    assert faults(path) == []


async def test_late_rows_change_the_spans_over_them_alone(
    engine: EmbeddedEngine, path: Path
) -> None:
    await append(engine, 70)
    before = set(spans(path))
    late = make_rows(INTS.layout, [chunk_range(18, 19).start + 5])
    await engine.samples.insert(INTS, late, starts_interval=False, ends_interval=False)
    gone, new = before - set(spans(path)), set(spans(path)) - before
    assert [s[1:] for s in sorted(gone)] == [s[1:] for s in sorted(new, key=lambda s: s[0])]
    assert sorted(level for _, level, *_ in gone) == [1, 2, 3]
    assert faults(path) == []


async def test_few_chunks_left_in_a_gap_join_their_neighbours(
    engine: EmbeddedEngine, path: Path
) -> None:
    await append(engine, 70)
    await engine.samples.delete(INTS, chunk_range(9, 30))
    assert faults(path) == []
    widths = [last - first for level, first, last in places(path) if level == 1 and first > 12]
    assert min(widths) > 0
    await engine.samples.delete(INTS, chunk_range(31, 40))
    assert faults(path) == []
    assert await engine.samples.count(INTS, ALL_TIME) == (70 - 30) * 64


async def test_backfill_before_the_beginning_gets_spans(engine: EmbeddedEngine, path: Path) -> None:
    await append(engine, 40, first=100)
    for first in range(50, 100, 5):
        rows = make_rows(INTS.layout, np.arange(first * 64, (first + 5) * 64) * STEP)
        await engine.samples.insert(INTS, rows, starts_interval=False, ends_interval=False)
    assert faults(path) == []
    covered = [place for place in places(path) if place[0] == 1]
    assert covered[0][1] < 54


async def test_streams_without_decimation_are_counted_by_spans(
    engine: EmbeddedEngine, path: Path
) -> None:
    plain = StreamRef(2, INTS.layout, decimate=False)
    rows = make_rows(INTS.layout, np.arange(70 * 64) * STEP)
    engine.samples.append(plain, rows)
    await engine.samples.commit()
    assert len(spans(path)) > 16
    with snapshot(path) as connection:
        assert connection.execute("SELECT count(groups) FROM span").get == 0
    await check_stream(engine.samples, plain, [rows])
    assert faults(path) == []


async def test_dropped_and_remade_decimations_reach_the_spans(
    engine: EmbeddedEngine, path: Path
) -> None:
    await append(engine, 70)
    counted = "SELECT count(*), count(groups) FROM span"
    await engine.samples.drop_decimations(INTS)
    with snapshot(path) as connection:
        assert connection.execute(counted).get == (22, 0)
    await engine.samples.decimate(INTS)
    with snapshot(path) as connection:
        assert connection.execute(counted).get == (22, 22)
    assert faults(path) == []


async def test_many_intervals_are_read_from_below(
    engine: EmbeddedEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joule.storage.embedded.span_groups.GROUPS_MAX", 20)
    reference = MemoryEngine()
    for number in range(70):
        for each in (engine, reference):
            await append(each, 1, first=number, breaks=number % 2 == 0)
    with snapshot(path) as connection:
        without = connection.execute("SELECT DISTINCT level FROM span WHERE groups IS NULL")
        assert without.fetchall() == [(3,)]
    found, expected = [await groups_of(each, 4096) for each in (engine, reference)]
    np.testing.assert_array_equal(found.count, expected.count)
    np.testing.assert_array_equal(found.maximum, expected.maximum)


async def test_damage_below_does_not_stop_rows_from_coming_in(
    engine: EmbeddedEngine, path: Path
) -> None:
    await append(engine, 40)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("UPDATE chunk SET rows = 0 WHERE first = 37 * 640").fetchall()
        connection.execute("UPDATE pyramid SET data = x'00' WHERE first = 38 * 640").fetchall()
    await append(engine, 20, first=40)
    await engine.samples.retain(INTS, chunk_range(2, 3).start)
    late = make_rows(INTS.layout, [chunk_range(20, 21).start + 5])
    await engine.samples.insert(INTS, late, starts_interval=False, ends_interval=False)
    assert await engine.samples.count(INTS, chunk_range(10, 30)) == 20 * 64 + 1


async def test_behind_a_damaged_place_that_changes_there_are_no_spans(
    engine: EmbeddedEngine, path: Path
) -> None:
    await append(engine, 70)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("UPDATE chunk SET data = 0 WHERE first = 33 * 640").fetchall()
    late = make_rows(INTS.layout, [chunk_range(n, n + 1).start + 5 for n in (34, 35)])
    await engine.samples.insert(INTS, late, starts_interval=False, ends_interval=False)
    assert max(last for *_, last in places(path)) < 33
    assert faults(path) == []
    assert await engine.samples.count(INTS, ALL_TIME) == 70 * 64 + 2


async def test_an_older_store_gets_the_spans_it_would_have(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddedEngine(path) as engine:
        await engine.catalog.apply(CatalogChanges(put=[stream_record(INTS)]))
        await append(engine, 70)
    expected = places(path)
    monkeypatch.setattr(covering, "ITEMS_AT_A_TIME", 9)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("DROP TABLE span").fetchall()
        known, position = 0, build_spans(connection, None)
        while position is not None:
            made = len(spans(path)) - known
            assert 0 < made <= 2, "a step does a bounded part"
            known += made
            position = build_spans(connection, position)
    assert sorted(places(path)) == sorted(expected)
    assert faults(path) == []


async def test_damaged_groups_of_a_span_are_refused(engine: EmbeddedEngine, path: Path) -> None:
    await append(engine, 70)
    with closing(apsw.Connection(str(path))) as connection:
        sql = "UPDATE span SET groups = CAST(groups || 'x' AS BLOB) WHERE level = 2"
        connection.execute(sql).fetchall()
    with pytest.raises(StorageDamagedError, match="decimated rows of"):
        await groups_of(engine, 256)


# ------------------------------------------------------------------ what a check finds


def forged(path: Path, change: Callable[[Summary], Summary]) -> None:
    """Store other groups in a span, with a checksum that fits."""
    with closing(apsw.Connection(str(path))) as connection:
        sql = "SELECT id, first, last, rows, groups FROM span WHERE level = 2 LIMIT 1"
        row: tuple[Any, ...] = connection.execute(sql).fetchall()[0]
        summary = decode_summary(Span(*row[1:]), INTS.layout)
        assert summary is not None
        data = encode_summary(change(summary), INTS.layout)
        connection.execute("UPDATE span SET groups = ? WHERE id = ?", (data, row[0])).fetchall()


def altered(name: str, by: int) -> Callable[[Summary], Summary]:
    def change(summary: Summary) -> Summary:
        column = getattr(summary.groups, name).copy()
        column[1] += by
        arrays = {n: getattr(summary.groups, n) for n in vars(summary.groups)}
        return Summary(type(summary.groups)(**{**arrays, name: column}), summary.breaks)

    return change


FORGERIES: dict[str, Callable[[Summary], Summary]] = {
    "wrong counts": altered("count", 1),
    "wrong times": altered("timestamp", 5),
    "wrong minima": altered("minimum", 1),
    "wrong maxima": altered("maximum", -1),
    "wrong means": altered("mean", 1),
    "wrong breaks": lambda summary: Summary(summary.groups, np.array([2])),
    "groups instead of": lambda summary: Summary(summary.groups[:-1]),
}
DAMAGE = {
    "rows instead of": "UPDATE span SET rows = rows + 1 WHERE level = 3",
    "does not begin where": "DELETE FROM span WHERE level = 1 AND first = 4 * 4 * 640",
    "begins before the end of": "UPDATE span SET last = last + 10 WHERE level = 2 AND first = 0",
    "covers": "UPDATE span SET first = first + 1 WHERE level = 1 AND first = 0",
    "checksum": "UPDATE span SET groups = CAST(groups || 'x' AS BLOB) WHERE level = 1",
    "has groups, and what it covers has none": "UPDATE span SET groups = NULL WHERE level = 1",
    "covers nothing": "UPDATE span SET level = 9 WHERE level = 3",
}


@pytest.mark.parametrize("text", FORGERIES)
async def test_a_check_finds_wrong_groups(engine: EmbeddedEngine, path: Path, text: str) -> None:
    await append(engine, 70)
    assert faults(path) == []
    forged(path, FORGERIES[text])
    assert any(text in fault for fault in faults(path)), faults(path)


@pytest.mark.parametrize("text", DAMAGE)
async def test_a_check_finds_wrong_spans(engine: EmbeddedEngine, path: Path, text: str) -> None:
    await append(engine, 70)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(DAMAGE[text]).fetchall()
    assert any(text in fault for fault in faults(path)), faults(path)


async def test_a_check_of_the_store_looks_at_spans(path: Path) -> None:
    async with EmbeddedEngine(path) as engine:
        await engine.catalog.apply(CatalogChanges(put=records()))
        await append(engine, 70)
    assert findings(path) == []
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(DAMAGE["rows instead of"]).fetchall()
    assert findings(path) == ["/folder/s2: span of level 3 has 4097 rows instead of 4096"]


async def test_spans_have_no_hole_when_the_last_one_went_earlier_in_the_same_transaction(
    engine: EmbeddedEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(covering, "SPANS_AT_LEAST", 2)
    await append(engine, 10)

    def change_and_append(connection: apsw.Connection) -> None:
        stored = Chunks(ChunkTable(connection), INTS)
        last = stored.table.before(INTS.id, stored.table.spans.end(INTS.id))
        assert last is not None
        stored.set_first_break(last, present=True)
        cover(stored)
        rows = make_rows(INTS.layout, np.arange(10 * 64, 18 * 64) * STEP)
        stored.put(cut(Stretch(rows, NO_BREAKS), 64))
        cover(stored)

    await engine._database.write(change_and_append)
    assert faults(path) == []
    assert await engine.samples.count(INTS, chunk_range(0, 18)) == 18 * 64
