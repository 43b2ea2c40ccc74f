"""Archives on their way out: what is new, each row in one of them."""

from __future__ import annotations

import errno
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from joule.config.exporter_conf import DataSource, EventSource
from joule.config.importer_conf import DataTarget
from joule.errors import StorageError
from joule.models.events import Event
from joule.models.intervals import Interval
from joule.node.archives import collecting, writer
from joule.node.archives.marks import EventMark, RowMark
from joule.storage.memory import samples as memory_samples
from tests.unit.node.archives.exporting import CONF, NOW, configured, filled
from tests.unit.node.archives.support import (
    IMPORTER,
    events_of,
    furnish,
    json_in,
    names,
    taken,
)
from tests.unit.node.support import stored, write_session

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.events import EventStream
    from joule.models.streams import DataStream
    from joule.node import LocalNode
    from joule.node.archives import Importers
    from joule.node.archives.outbox import Outbox
    from joule.storage.interfaces import EventQuery


# ------------------------------------------------------------------ what is new


async def test_each_archive_holds_what_is_new(
    node: LocalNode, outbox: Outbox, importers: Importers, hub: LocalNode
) -> None:
    data, events = await furnish(node)
    expected = []
    for turn in range(4):
        await write_session(node, data, [10 * turn, 10 * turn + 1])
        await node.events.write(events, [Event(turn, turn + 1, {"turn": turn})])
        expected += [10 * turn, 10 * turn + 1]
        assert (await taken(importers, await filled(outbox))).success
    await outbox.fill(NOW)
    assert len(outbox.state.waiting) == 4
    mirror = hub.catalog.data_stream("/mirror/s")
    assert [t for t in await stored(hub, mirror) if t != "|"] == expected
    found = await events_of(hub, hub.catalog.event_stream("/mirror/e"))
    assert [event.content["turn"] for event in found] == [0, 1, 2, 3]


async def test_the_copy_has_the_intervals_of_the_source(
    node: LocalNode, outbox: Outbox, importers: Importers, hub: LocalNode
) -> None:
    """Whether an interval goes on over the archives, or ends between two of them."""
    importers.use([replace(IMPORTER, data=(DataTarget("volts", "/mirror/s", 10**9),))])
    data, _ = await furnish(node)
    sessions = [([1, 2], 0), ([3, 4], 100), ([100, 101], 0), ([150], 100), ([200], 0)]
    for times, gap_us in sessions:
        await write_session(node, data, times, gap=gap_us)
        await taken(importers, await filled(outbox))
    mirror = hub.catalog.data_stream("/mirror/s")
    assert await stored(hub, mirror) == await stored(node, data)
    assert await stored(hub, mirror) == [1, 2, 3, 4, "|", 100, 101, 150, "|", 200]


async def test_an_interval_goes_on_over_archives_without_a_merge_gap(
    node: LocalNode, outbox: Outbox, importers: Importers, hub: LocalNode
) -> None:
    data, _ = await furnish(node)
    for start in (0, 10, 20):
        await write_session(node, data, [start, start + 1], gap=100)
        await taken(importers, await filled(outbox))
    assert await stored(hub, hub.catalog.data_stream("/mirror/s")) == [0, 1, 10, 11, 20, 21]


async def test_where_the_last_exported_row_is_gone_a_new_interval_begins(
    node: LocalNode, outbox: Outbox, importers: Importers, hub: LocalNode
) -> None:
    data, _ = await furnish(node)
    await write_session(node, data, [1, 2, 3])
    await taken(importers, await filled(outbox))
    await node.data.delete(data, Interval(0, 4))
    await write_session(node, data, [10])
    await taken(importers, await filled(outbox))
    assert await stored(hub, hub.catalog.data_stream("/mirror/s")) == [1, 2, 3, "|", 10]


async def test_events_that_start_together_are_not_skipped(
    node: LocalNode,
    outbox: Outbox,
    importers: Importers,
    hub: LocalNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "BLOCK_EVENTS_MAX", 4)
    _, events = await furnish(node)
    await node.events.write(events, [Event(5, None, {"n": n}) for n in range(10)])
    await taken(importers, await filled(outbox))
    await node.events.write(events, [Event(5, None, {"n": 10})])
    file = await filled(outbox)
    assert [name for name in names(file) if "json" in name and "events" in name] == [
        "events/0/data/5.json",
        "events/0/metadata.json",
    ]
    await taken(importers, file)
    found = await events_of(hub, hub.catalog.event_stream("/mirror/e"))
    assert [event.content["n"] for event in found] == list(range(11))


async def test_a_filter_lets_some_events_through(node: LocalNode, outbox: Outbox) -> None:
    _, events = await furnish(node)
    await node.events.write(events, [Event(n, None, {"kind": "ab"[n % 2]}) for n in range(10)])
    source = EventSource("trips", "/a/e", '[[["kind", "is", "b"]]]')
    box = configured(outbox, replace(CONF, events=(source,)))
    file = await filled(box)
    assert [e["start_time"] for e in json_in(file, "events/0/data/9.json")] == [1, 3, 5, 7, 9]


async def test_decimation_factor_makes_one_row_of_so_many(
    node: LocalNode, outbox: Outbox, importers: Importers, hub: LocalNode
) -> None:
    data, _ = await furnish(node)
    box = configured(outbox, replace(CONF, data=(DataSource("volts", "/a/s", 4),)))
    await write_session(node, data, list(range(10)))
    await taken(importers, await filled(box))
    await write_session(node, data, list(range(10, 15)), gap=1)
    await taken(importers, await filled(box))
    await write_session(node, data, list(range(100, 104)))
    await taken(importers, await filled(box))
    await box.fill(NOW)
    assert len(box.state.waiting) == 3
    mirror = hub.catalog.data_stream("/mirror/s")
    assert await stored(hub, mirror) == [1, 5, 9, 13, "|", 101]
    assert box.state.marks.data["volts"] == RowMark(next=104, last=101)


# ------------------------------------------------------------------ much at once


async def test_much_is_cut_into_several_archives(
    node: LocalNode,
    outbox: Outbox,
    importers: Importers,
    hub: LocalNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "ARCHIVE_BYTES_MAX", 100)
    monkeypatch.setattr(memory_samples, "BLOCK_BYTES", 36)
    data, events = await furnish(node)
    await write_session(node, data, list(range(50)), [], list(range(100, 120)))
    await node.events.write(events, [Event(n, None, {"n": n}) for n in range(10)])
    has_more = True
    while has_more:
        has_more = await outbox.fill(NOW)
    assert len(outbox.state.waiting) > 5
    assert len({waiting.file for waiting in outbox.state.waiting}) == len(outbox.state.waiting)
    for waiting in outbox.state.waiting:
        assert (await taken(importers, outbox.path(waiting))).success
    mirror = hub.catalog.data_stream("/mirror/s")
    assert await stored(hub, mirror) == [*range(50), "|", *range(100, 120)]
    assert len(await events_of(hub, hub.catalog.event_stream("/mirror/e"))) == 10


async def test_an_archive_has_not_ever_so_many_files(
    node: LocalNode, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each interval is two of them, however short it is, and readers refuse too many."""
    monkeypatch.setattr(collecting, "ARCHIVE_BYTES_MAX", 20 * writer.ENTRY_BYTES)
    data, _ = await furnish(node)
    for at in range(0, 1000, 10):
        await write_session(node, data, [at])
    while await outbox.fill(NOW):
        pass
    sizes = [len(names(outbox.path(waiting))) for waiting in outbox.state.waiting]
    assert sum(sizes) > 200
    assert max(sizes) < 40


async def test_long_events_are_read_few_at_a_time(
    node: LocalNode,
    outbox: Outbox,
    importers: Importers,
    hub: LocalNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "BLOCK_EVENTS_BYTES_MAX", 50_000)
    read, sizes = node.events.read, []

    async def noted(stream: EventStream, query: EventQuery) -> list[Event]:
        found = await read(stream, query)
        sizes.append(sum(len(str(event.content)) for event in found))
        return found

    _, events = await furnish(node)
    lengths = [10_000] * 100 + [10] * 2000
    await node.events.write(
        events, [Event(n, None, {"t": "x" * length}) for n, length in enumerate(lengths)]
    )
    monkeypatch.setattr(node.events, "read", noted)
    await taken(importers, await filled(outbox))
    assert max(sizes[1:]) < 100_000 <= sizes[0]  # of the first ones nothing is known
    assert len(sizes) < 40
    found = await events_of(hub, hub.catalog.event_stream("/mirror/e"))
    assert [len(event.content["t"]) for event in found] == lengths


@pytest.mark.parametrize(
    ("events", "size", "limit"),
    [
        (16, 0, 64),
        (16, 16 * 100, 64),
        (400, 400 * 100, 1000),
        (16, 16 << 20, 8),
        (8, 8 << 20, 8),
        (1, 64 << 20, 1),
        (1, 100, 4),
        (1000, 16 << 20, 500),
    ],
)
def test_how_many_events_are_read_follows_from_their_length(
    events: int, size: int, limit: int
) -> None:
    assert collecting.next_limit(events, size) == limit


# ------------------------------------------------------------------ made again


async def test_an_archive_that_is_gone_is_made_again_as_it_was(
    node: LocalNode, outbox: Outbox
) -> None:
    data, events = await furnish(node)
    for turn in (1, 2, 3):
        await write_session(node, data, [10 * turn, 10 * turn + 1], [], [10 * turn + 5])
        await node.events.write(events, [Event(10 * turn, None, {"n": turn})])
        await filled(outbox)
    second = outbox.state.waiting[1]
    file = outbox.path(second)
    before = contents(file)
    assert second.until.events == {"trips": EventMark(20, 2)}
    file.unlink()
    assert await outbox.restore(second)
    assert contents(file) == before


def contents(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_a_new_archive_does_not_take_the_name_of_one_that_is_gone(
    node: LocalNode, outbox: Outbox
) -> None:
    data, _ = await furnish(node)
    for time_us in (1, 2):
        await write_session(node, data, [time_us])
        (await filled(outbox)).unlink()
    first, second = outbox.state.waiting
    assert first.file != second.file


async def test_an_archive_whose_rows_are_gone_too_cannot_be_made_again(
    node: LocalNode, outbox: Outbox, data: DataStream
) -> None:
    box = configured(outbox, replace(CONF, data=(DataSource("volts", "/a/b/d"),), events=()))
    await write_session(node, data, [1, 2])
    (await filled(box)).unlink()
    await node.data.delete(data)
    assert not await box.restore(box.state.waiting[0])


async def test_files_that_nothing_is_known_of_are_removed(
    node: LocalNode, outbox: Outbox, tmp_path: Path
) -> None:
    await outbox.tidy()  # there is no folder yet
    data, _ = await furnish(node)
    await write_session(node, data, [1, 2])
    file = await filled(outbox)
    for name in ("ww-data_2020_01_01-00-00-00.zip", f"{file.name}.part"):
        (tmp_path / "exporter" / name).touch()
    await outbox.tidy()
    assert list((tmp_path / "exporter").iterdir()) == [file]


async def test_an_archive_has_its_name_only_when_it_is_complete(
    node: LocalNode, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, _ = await furnish(node)
    await write_session(node, data, [1, 2])
    file = await filled(outbox)
    file.unlink()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "sync", fail)
        with pytest.raises(StorageError, match=r"cannot write \[.*\.zip\]: No space left"):
            await outbox.restore(outbox.state.waiting[0])
    assert list(file.parent.iterdir()) == []
    assert await outbox.restore(outbox.state.waiting[0])
    assert list(file.parent.iterdir()) == [file]


async def test_large_events_are_cut_into_files_that_an_importer_takes(
    node: LocalNode, outbox: Outbox, importers: Importers, hub: LocalNode
) -> None:
    _, events = await furnish(node)
    written = [Event(n // 20, None, {"n": n, "text": "x" * 1_000_000}) for n in range(70)]
    await node.events.write(events, written)
    assert (await taken(importers, await filled(outbox))).success
    found = await events_of(hub, hub.catalog.event_stream("/mirror/e"))
    assert [event.content["n"] for event in found] == list(range(70))


async def test_an_archive_is_made_also_before_the_clock_is_set(
    node: LocalNode,
    outbox: Outbox,
    importers: Importers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, events = await furnish(node)
    await write_session(node, data, [1])
    await write_session(node, data, [5])
    await node.events.write(events, [Event(1, None)])
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: 1.0)  # zip files know no time before 1980
        await outbox.fill(1_000_000)
    (waiting,) = outbox.state.waiting
    assert (await taken(importers, outbox.path(waiting))).success
