"""Two changes at the same time: the second finds what the first has left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import ConflictError, NotFoundError, PipeError, StreamNotFound
from joule.models.annotations import Annotation
from joule.models.intervals import Interval
from joule.models.streams import DataStream
from tests.unit.node.support import make_rows, stored, write_session

if TYPE_CHECKING:
    from joule.node import LocalNode
    from joule.storage.interfaces import CatalogChanges
    from tests.unit.node.support import ChosenEngine


class SlowCatalog:
    """Makes changes of the catalog wait on their way to the store."""

    def __init__(self, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self._apply = engine.catalog.apply
        monkeypatch.setattr(engine.catalog, "apply", self._slow)

    async def _slow(self, changes: CatalogChanges) -> None:
        self.begun.set()
        await self.go_on.wait()
        await self._apply(changes)


def hold(
    store: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[asyncio.Event, asyncio.Event]:
    """Make a method of a store wait at its beginning: set when it was called, set to go on."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    method = getattr(store, name)

    async def held(*args: Any, **options: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await method(*args, **options)

    monkeypatch.setattr(store, name, held)
    return begun, go_on


async def settled() -> None:
    """Let all tasks run as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def slow(engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch) -> SlowCatalog:
    return SlowCatalog(engine, monkeypatch)


async def test_a_stream_that_is_being_deleted_gets_no_new_note(
    node: LocalNode, stream: DataStream, slow: SlowCatalog
) -> None:
    deleting = asyncio.ensure_future(node.catalog.delete_stream(DataStream, stream.id))
    await slow.begun.wait()
    noting = asyncio.ensure_future(node.annotations.create(stream, Annotation("late", 1)))
    await asyncio.sleep(0)
    slow.go_on.set()
    await deleting
    with pytest.raises(StreamNotFound):
        await noting
    assert (await node.engine.catalog.load()).annotations == ()
    assert node.catalog.annotations() == []


async def test_a_note_that_goes_with_its_stream_cannot_be_changed_meanwhile(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = await node.annotations.create(stream, Annotation("old", 1))
    slow = SlowCatalog(engine, monkeypatch)
    deleting = asyncio.ensure_future(node.catalog.delete_stream(DataStream, stream.id))
    await slow.begun.wait()
    changing = asyncio.ensure_future(node.annotations.update(note.id, {"title": "new"}))
    await asyncio.sleep(0)
    slow.go_on.set()
    await deleting
    with pytest.raises(NotFoundError, match="annotation does not exist"):
        await changing
    assert (await node.engine.catalog.load()).annotations == ()


async def test_two_changes_of_a_note_are_both_made(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = await node.annotations.create(stream, Annotation("old", 1))
    slow = SlowCatalog(engine, monkeypatch)
    changes = [{"title": "new"}, {"content": "more"}]
    changing = [asyncio.ensure_future(node.annotations.update(note.id, each)) for each in changes]
    await slow.begun.wait()
    slow.go_on.set()
    await asyncio.gather(*changing)
    (record,) = node.catalog.annotations()
    assert (record.title, record.content) == ("new", "more")


async def test_a_user_is_added_once(node: LocalNode, slow: SlowCatalog) -> None:
    adding = [asyncio.ensure_future(node.access.add_user("alice")) for _ in range(2)]
    await slow.begun.wait()
    slow.go_on.set()
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [str, ConflictError]
    assert [master.name for master in node.access.list()] == ["alice"]


async def test_late_rows_under_way_do_not_outlive_their_stream(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_session(node, stream, [10, 20])
    slow = SlowCatalog(engine, monkeypatch)
    deleting = asyncio.ensure_future(node.catalog.delete_stream(DataStream, stream.id))
    await slow.begun.wait()
    writer = await node.data.open_writer(stream)
    inserting, go_on = hold(engine.chosen, "insert", monkeypatch)
    writing = asyncio.ensure_future(writer.write(make_rows([5])))
    await inserting.wait()
    slow.go_on.set()
    await settled()
    go_on.set()
    await asyncio.gather(deleting, writing)
    assert (await node.data.info(stream)).rows == 0


async def test_late_rows_that_wait_for_their_turn_are_refused_when_the_stream_has_gone(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_session(node, stream, [10, 20, 30])
    removing_rows, go_on = hold(engine.chosen, "delete", monkeypatch)
    slow = SlowCatalog(engine, monkeypatch)
    deleting = asyncio.ensure_future(node.catalog.delete_stream(DataStream, stream.id))
    await slow.begun.wait()
    writer = await node.data.open_writer(stream)
    removing = asyncio.ensure_future(node.data.delete(stream, Interval(20, 21)))
    await removing_rows.wait()
    writing = asyncio.ensure_future(writer.write(make_rows([5])))
    await settled()
    slow.go_on.set()
    await settled()
    go_on.set()
    await asyncio.gather(deleting, removing)
    with pytest.raises(PipeError):
        await writing
    assert (await node.data.info(stream)).rows == 0


async def test_a_writer_that_opens_during_a_deletion_does_not_join_what_was_deleted(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_session(node, stream, [10, 20, 30])
    removing_rows, go_on = hold(engine.chosen, "delete", monkeypatch)
    deleting = asyncio.ensure_future(node.data.delete(stream, Interval(30, 40)))
    await removing_rows.wait()
    opening = asyncio.ensure_future(node.data.open_writer(stream, merge_gap_us=5))
    await settled()
    go_on.set()
    await deleting
    async with await opening as writer:
        await writer.write(make_rows([31]))
    assert await stored(node, stream) == [10, 20, "|", 31]
