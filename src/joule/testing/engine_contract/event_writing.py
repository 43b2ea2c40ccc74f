"""How events come in: stored, replaced and numbered."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from joule.models.events import Event
from joule.models.intervals import MAX_TIME, MIN_TIME
from joule.storage.interfaces import EventInfo
from joule.testing.engine_contract.event_kit import ALL, numbered, numbers, query, saved

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine


class EventWritingContract:
    """Events stored, replaced and numbered.

    ``earliest`` is the first time an engine can keep.
    """

    earliest: ClassVar[int] = MIN_TIME

    async def test_a_stream_without_events_answers_every_question(self, engine: Engine) -> None:
        assert await engine.events.read(1, ALL) == []
        assert await engine.events.count(1, ALL) == 0
        assert await engine.events.histogram(1, ALL, [0, 10, 20]) == [0, 0]
        assert await engine.events.info(1) == EventInfo()
        assert await engine.events.remove(1, ALL) == 0
        assert await engine.events.retain(1, 100) == 0
        await engine.events.drop([1])

    async def test_events_come_back_with_id_and_stream(self, engine: Engine) -> None:
        content = {"text": "ü\u0000\"'\\", "f": 0.1, "i": 2**60, "n": None, "l": [1, {"a": []}]}
        written = [Event(1001, 1_700_000_000_000_001, content), Event(5, None, {}), Event(-7, -6)]
        assert await engine.events.write(4, written) == [1, 2, 3]
        found = await engine.events.read(4, ALL)
        assert found == [written[2], written[1], written[0]]
        assert [event.id for event in found] == [3, 2, 1]
        assert {event.event_stream_id for event in found} == {4}
        assert {event.node_uuid for event in found} == {None}

    async def test_times_may_be_extreme(self, engine: Engine) -> None:
        first = self.earliest
        written = [Event(first, first + 1), Event(0, MAX_TIME), Event(MAX_TIME - 1, MAX_TIME)]
        await engine.events.write(1, written)
        assert await engine.events.read(1, ALL) == written
        assert await engine.events.read(1, query(5, 6, ongoing=True)) == written[1:2]
        info = await engine.events.info(1)
        assert (info.start, info.end) == (first, MAX_TIME)

    async def test_writing_no_events_gives_no_ids(self, engine: Engine) -> None:
        assert await engine.events.write(1, []) == []

    async def test_streams_number_and_keep_their_events_alone(self, engine: Engine) -> None:
        assert await engine.events.write(1, numbered(2)) == [1, 2]
        assert await engine.events.write(2, numbered(3)) == [1, 2, 3]
        assert await engine.events.write(1, numbered(1)) == [3]
        assert await engine.events.count(1, ALL) == 3
        assert await engine.events.remove(2, ALL) == 3
        assert await engine.events.count(1, ALL) == 3

    async def test_an_event_with_a_known_id_is_replaced(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(3))
        assert await engine.events.write(1, [saved(500, None, {"n": 9}, 2)]) == [2]
        assert numbers(await engine.events.read(1, ALL)) == [0, 2, 9]
        assert numbers(await engine.events.read(1, query(0, 15))) == [0]
        assert (await engine.events.info(1)).count == 3

    async def test_an_event_with_an_unknown_id_gets_a_new_one(self, engine: Engine) -> None:
        events = [saved(1, 2, {"n": 0}, 77), Event(3, 4, {"n": 1}), saved(5, 6, {"n": 2}, 3)]
        assert await engine.events.write(1, events) == [2, 1, 3]
        found = await engine.events.read(1, ALL)
        assert [(event.id, event.content["n"]) for event in found] == [(2, 0), (1, 1), (3, 2)]

    async def test_of_two_events_with_one_known_id_the_last_stays(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(1))
        twice = [saved(1, 2, {"n": 1}, 1), saved(3, 4, {"n": 2}, 1)]
        assert await engine.events.write(1, twice) == [1, 1]
        assert await engine.events.read(1, ALL) == twice[1:]

    async def test_ids_are_never_used_again(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(3))
        await engine.events.remove(1, ALL)
        assert await engine.events.write(1, [saved(1, 2, {}, 2)]) == [4]
        await engine.events.retain(1, MAX_TIME)
        assert await engine.events.write(1, numbered(2)) == [5, 6]

    async def test_events_are_put_under_their_own_ids(self, engine: Engine) -> None:
        assert await engine.events.last_id(1) == 0
        await engine.events.put(1, [saved(5, 6, {"n": 0}, 40), saved(3, None, {"n": 1}, 7)])
        assert [event.id for event in await engine.events.read(1, ALL)] == [7, 40]
        assert await engine.events.last_id(1) == 40
        await engine.events.put(1, [saved(9, 10, {"n": 2}, 7)])
        assert numbers(await engine.events.read(1, ALL)) == [0, 2]
        assert (await engine.events.info(1)).count == 2
        assert await engine.events.write(1, [Event(11, 12, {"n": 3})]) == [41]
        await engine.events.put(1, [], last_id=60)
        assert await engine.events.last_id(1) == 60
        await engine.events.put(1, [], last_id=50)
        assert await engine.events.write(1, [Event(13, 14, {"n": 4})]) == [61]
        await engine.events.remove(1, ALL)
        assert await engine.events.last_id(1) == 61

    async def test_what_is_handed_in_and_out_is_copied(self, engine: Engine) -> None:
        event = Event(1, 2, {"list": [1]})
        await engine.events.write(1, [event])
        event.content["list"].append(2)
        (found,) = await engine.events.read(1, ALL)
        found.content["list"].append(3)
        found.start_time = 9
        assert await engine.events.read(1, ALL) == [Event(1, 2, {"list": [1]})]
        assert not event.is_saved

    async def test_a_large_batch_comes_back_in_order(self, engine: Engine) -> None:
        events = numbered(5000)
        ids = await engine.events.write(1, events[::-1])
        assert ids == list(range(1, 5001))
        found = await engine.events.read(1, ALL)
        assert numbers(found) == list(range(5000))
        assert [event.id for event in found] == ids[::-1]
