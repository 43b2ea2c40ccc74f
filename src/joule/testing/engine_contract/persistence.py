"""The suite for engines that keep what they are told when they are closed."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from joule.models.events import Event
from joule.models.intervals import ALL_TIME
from joule.storage.interfaces import CatalogChanges, Engine, EventQuery, Kind
from joule.testing.engine_contract.catalog import FULL, everything
from joule.testing.engine_contract.scene import PLACES, Place, Scene

UUID = "3f0c9a52-6f5e-4d4b-9d0e-0b6a1f1f7c11"

OpenAgain: TypeAlias = Callable[[], AbstractAsyncContextManager[Engine]]


class PersistenceContract:
    """What must be the same after the engine was closed and opened again."""

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
    async def test_rows_and_intervals_are_there_again(
        self, open_again: OpenAgain, place: Place
    ) -> None:
        async with open_again() as engine:
            scene = Scene(engine, place)
            await scene.append_runs((0, 4), (4, 6), (8, 9))
            await scene.insert(6, 7, starts_interval=True, ends_interval=True)
            await scene.store.commit()
        async with open_again() as engine:
            scene = Scene(engine, place)
            await scene.expect((0, 4), (4, 6), (6, 7), (8, 9))
            await scene.append(9, 10)
            await scene.append(10, 11, starts_interval=True)
            await scene.store.commit()
        async with open_again() as engine:
            await Scene(engine, place).expect((0, 4), (4, 6), (6, 7), (8, 10), (10, 11))

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
    async def test_what_was_deleted_stays_deleted(
        self, open_again: OpenAgain, place: Place
    ) -> None:
        async with open_again() as engine:
            scene = Scene(engine, place)
            await scene.append_runs((0, 8), (8, 10))
            await scene.store.commit()
            first, last = scene.at(2), scene.at(4)
            await scene.store.delete(scene.stream, ALL_TIME._replace(start=first, end=last))
            await scene.store.consolidate(scene.stream, ALL_TIME._replace(start=last), 1000)
        async with open_again() as engine:
            await Scene(engine, place).expect((0, 2), (4, 10))

    async def test_an_engine_closed_without_a_commit_loses_at_most_the_tail(
        self, open_again: OpenAgain
    ) -> None:
        async with open_again() as engine:
            scene = Scene(engine, PLACES[0])
            scene.store.append(scene.stream, scene.rows(0, 5))
            await scene.store.commit()
            scene.store.append(scene.stream, scene.rows(5, 7))
        async with open_again() as engine:
            scene = Scene(engine, PLACES[0])
            rows = await scene.store.count(scene.stream, ALL_TIME)
            assert rows in (5, 7)
            await scene.expect((0, rows))

    async def test_the_catalog_and_its_ids_are_there_again(self, open_again: OpenAgain) -> None:
        async with open_again() as engine:
            await engine.catalog.apply(CatalogChanges(put=everything(FULL)))
            await engine.catalog.set_property("uuid", UUID)
            assert await engine.catalog.allocate(Kind.FOLDER, 5) == range(3, 8)
        async with open_again() as engine:
            assert await engine.catalog.load() == FULL
            assert await engine.catalog.get_property("uuid") == UUID
            assert await engine.catalog.allocate(Kind.FOLDER) == range(8, 9)

    async def test_events_and_their_ids_are_there_again(self, open_again: OpenAgain) -> None:
        everything_stored = EventQuery(ALL_TIME)
        events = [Event(5, 6, {"a": 1}), Event(7, None, {}), Event(9, 10, {"b": "ü"})]
        async with open_again() as engine:
            assert await engine.events.write(3, events) == [1, 2, 3]
            await engine.events.remove(3, EventQuery(ALL_TIME._replace(start=9)))
        async with open_again() as engine:
            assert await engine.events.read(3, everything_stored) == events[:2]
            assert await engine.events.write(3, events[2:]) == [4]
