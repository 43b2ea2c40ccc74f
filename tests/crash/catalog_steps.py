"""Steps of a story that have to do with the catalog."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from joule.models.layout import Layout
from joule.storage.interfaces import CatalogChanges, FolderRecord, Kind, StreamRef
from tests.crash.steps import GRID_US, Step
from tests.crash.world import EVENT_STREAMS, ROOT, STREAMS, founding, rows_of, stream_record

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine
    from tests.crash.steps import Dice
    from tests.crash.world import World

PASSING_ID = 100
"""Streams with such ids come and go; nobody but the check looks at their rows."""


class CatalogSteps:
    """Thinks of streams, folders and properties."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def founding(self, _world: World) -> Step:
        """The streams come into the catalog."""

        def note(world: World, _: Any) -> None:
            world.folders[ROOT.id] = ROOT
            world.catalogued |= {(Kind.DATA_STREAM, stream.id) for stream in STREAMS}
            world.catalogued |= {(Kind.EVENT_STREAM, id_) for id_ in EVENT_STREAMS}

        changes = CatalogChanges(founding())
        return Step("founding", lambda engine: engine.catalog.apply(changes), note)

    def stream(self, world: World) -> Step:
        """A stream that comes with rows, or goes and leaves its rows to the upkeep."""
        passing = [id_ for kind, id_ in world.catalogued if id_ >= PASSING_ID]
        if passing:
            gone = {(Kind.DATA_STREAM, passing[0])}
            return Step(
                "stream gone",
                lambda engine: engine.catalog.apply(CatalogChanges(delete=list(gone))),
                lambda world, _: world.catalogued.difference_update(gone),
            )
        stream = StreamRef(PASSING_ID + self._dice.salt(), Layout("int32", 2))
        values = dict.fromkeys(range(0, 200 * GRID_US, GRID_US), 1)

        async def act(engine: Engine) -> None:
            await engine.catalog.apply(CatalogChanges([stream_record(stream)]))
            engine.samples.append(stream, rows_of(stream, values), starts_interval=True)

        def note(world: World, _: Any) -> None:
            world.catalogued.add((Kind.DATA_STREAM, stream.id))

        return Step("stream", act, note)

    def catalog(self, world: World) -> Step:
        """Folders are put and deleted, a property is set."""
        salt = self._dice.salt()
        if self._dice.flag(0.3):
            return Step(
                "property",
                lambda engine: engine.catalog.set_property("note", salt),
                partial(_set_note, salt=salt),
            )
        put = [
            FolderRecord(salt * 10 + i, f"folder {salt}.{i}", None, ROOT.id, salt) for i in range(3)
        ]
        gone = [id_ for id_ in world.folders if id_ != ROOT.id and self._dice.flag(0.4)]
        changes = CatalogChanges(list(put), [(Kind.FOLDER, id_) for id_ in gone])

        def note(world: World, _: Any) -> None:
            for id_ in gone:
                del world.folders[id_]
            world.folders.update({folder.id: folder for folder in put})

        return Step("catalog", lambda engine: engine.catalog.apply(changes), note)


def _set_note(world: World, _result: Any, salt: int) -> None:
    world.note = salt
