from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import InvalidRequestError, NotFoundError
from joule.models.annotations import Annotation, AnnotationInfo
from joule.models.intervals import ALL_TIME, Interval
from tests.unit.node.support import make_stream

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.node import LocalNode


async def titles(node: LocalNode, *streams: DataStream, span: Interval = ALL_TIME) -> list[str]:
    notes = node.annotations.select({stream.id for stream in streams}, span)
    return [note.title for note in notes]


@pytest.fixture
async def other(node: LocalNode) -> DataStream:
    return await node.catalog.create_stream(make_stream("other"), "/a")


async def test_a_note_gets_an_id_and_its_stream_and_is_kept(
    node: LocalNode, stream: DataStream
) -> None:
    wanted = Annotation("t", 5, 9, "text")
    made = await node.annotations.create(stream, wanted)
    assert made == wanted
    assert made.stream_id == stream.id
    assert (made.is_saved, wanted.is_saved) == (True, False)
    (record,) = (await node.engine.catalog.load()).annotations
    assert (record.id, record.title, record.start, record.end) == (made.id, "t", 5, 9)


async def test_notes_come_by_stream_and_start_and_the_end_of_a_span_is_in_it(
    node: LocalNode, stream: DataStream, other: DataStream
) -> None:
    await node.annotations.create(other, Annotation("first of the other", 1))
    for start in (30, 10, 20):
        await node.annotations.create(stream, Annotation(f"n{start}", start))
    assert await titles(node, stream) == ["n10", "n20", "n30"]
    assert await titles(node, stream, span=Interval(10, 20)) == ["n10", "n20"]
    assert await titles(node, other, stream) == ["n10", "n20", "n30", "first of the other"]


async def test_the_info_has_the_first_and_last_start(
    node: LocalNode, stream: DataStream, other: DataStream
) -> None:
    assert node.annotations.info(stream) == AnnotationInfo(None, None, 0)
    await node.annotations.create(other, Annotation("o", 1))
    for start in (7, 5):
        await node.annotations.create(stream, Annotation("t", start, 100))
    assert node.annotations.info(stream) == AnnotationInfo(5, 7, 2)


@pytest.mark.parametrize(
    ("note", "text"),
    [
        (Annotation("", 1), "title is reqiured"),
        (Annotation("t", 2, 2), r"\[start\] must be before \[end\]"),
    ],
)
async def test_a_note_against_the_rules_is_not_kept(
    node: LocalNode, stream: DataStream, note: Annotation, text: str
) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{text}$"):
        await node.annotations.create(stream, note)
    assert await titles(node, stream) == []


async def test_title_and_content_can_be_changed_and_times_cannot(
    node: LocalNode, stream: DataStream
) -> None:
    made = await node.annotations.create(stream, Annotation("old", 5, 9))
    changes = {"title": "new", "content": "c", "start": 1, "end": 2, "stream_id": 77}
    changed = await node.annotations.update(made.id, changes)
    assert changed == Annotation("new", 5, 9, "c")
    assert (changed.id, changed.stream_id) == (made.id, stream.id)
    assert await node.annotations.update(made.id, {}) == changed


@pytest.mark.parametrize("changes", [{"title": 4}, {"content": 4}, {"title": ""}, {"title": None}])
async def test_a_change_against_the_rules_changes_nothing(
    node: LocalNode, stream: DataStream, changes: dict[str, Any]
) -> None:
    made = await node.annotations.create(stream, Annotation("t", 5))
    with pytest.raises(InvalidRequestError):
        await node.annotations.update(made.id, changes)
    assert node.annotations.select({stream.id}, ALL_TIME) == [made]


async def test_notes_are_deleted_singly_or_by_range_of_one_stream(
    node: LocalNode, stream: DataStream, other: DataStream
) -> None:
    notes = [await node.annotations.create(stream, Annotation(f"n{t}", t)) for t in (1, 2, 3, 4)]
    await node.annotations.create(other, Annotation("o", 3))
    await node.annotations.delete(notes[0].id)
    await node.annotations.delete_all(stream, Interval(3, 4))
    assert await titles(node, stream, other) == ["n2", "o"]


async def test_a_note_that_is_not_there_cannot_be_changed_or_deleted(node: LocalNode) -> None:
    with pytest.raises(NotFoundError, match=r"^annotation does not exist$"):
        await node.annotations.update(9, {"title": "t"})
    with pytest.raises(NotFoundError, match=r"^annotation does not exist$"):
        await node.annotations.delete(9)
