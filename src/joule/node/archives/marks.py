"""How far an exporter has come in each of its streams, and its record in the catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from joule.models.intervals import MAX_TIME
from joule.storage.interfaces import EXPORTERS_1_0

if TYPE_CHECKING:
    from joule.storage.interfaces import CatalogStore


class RowMark(NamedTuple):
    """``next`` is the first time that was not exported, ``last`` that of the last exported row.

    ``last`` is not ``next - 1`` where rows are thinned out.
    """

    next: int
    last: int


class EventMark(NamedTuple):
    """Start time and id of the last event that was exported."""

    start: int
    id: int


@dataclass(slots=True)
class Marks:
    """The marks of all streams of an exporter, by label."""

    data: dict[str, RowMark] = field(default_factory=dict)
    events: dict[str, EventMark] = field(default_factory=dict)

    def copy(self) -> Marks:
        """Give marks of their own."""
        return Marks(dict(self.data), dict(self.events))


@dataclass(slots=True)
class Waiting:
    """An archive that some targets have not got: what is between ``since`` and ``until``."""

    file: str
    created_us: int
    targets: list[str]
    since: Marks
    until: Marks


@dataclass(slots=True)
class ExporterState:
    """What an exporter knows over restarts."""

    last_run_us: int | None = None
    marks: Marks = field(default_factory=Marks)
    waiting: list[Waiting] = field(default_factory=list)


class ExporterStates:
    """The states of exporters, as properties of the node's catalog."""

    def __init__(self, store: CatalogStore) -> None:
        self._store = store

    async def load(self, name: str) -> ExporterState:
        """Give the state of an exporter, a new one for a name that was never used."""
        value = await self._store.get_property(_property(name))
        if value is None:
            return await self._of_joule_1_0(name)
        waiting = [
            Waiting(
                each["file"],
                each["created_us"],
                each["targets"],
                _marks(each["since"]),
                _marks(each["until"]),
            )
            for each in value["waiting"]
        ]
        return ExporterState(value["last_run_us"], _marks(value["marks"]), waiting)

    async def _of_joule_1_0(self, name: str) -> ExporterState:
        """Give the state that Joule 1.0 left behind; it has no ids of events."""
        known = (await self._store.get_property(EXPORTERS_1_0) or {}).get(name, {})
        data = {label: RowMark(time, time - 1) for label, time in known.get("data", {}).items()}
        events = {
            label: EventMark(time - 1, MAX_TIME) for label, time in known.get("event", {}).items()
        }
        return ExporterState(known.get("exporter", {}).get(""), Marks(data, events))

    async def save(self, name: str, state: ExporterState) -> None:
        """Keep a state; durable on return."""
        await self._store.set_property(
            _property(name),
            {
                "last_run_us": state.last_run_us,
                "marks": _json(state.marks),
                "waiting": [
                    {
                        "file": each.file,
                        "created_us": each.created_us,
                        "targets": each.targets,
                        "since": _json(each.since),
                        "until": _json(each.until),
                    }
                    for each in state.waiting
                ],
            },
        )


def _property(name: str) -> str:
    return f"exporter {name}"


def _json(marks: Marks) -> dict[str, Any]:
    return {"data": marks.data, "events": marks.events}


def _marks(value: dict[str, Any]) -> Marks:
    return Marks(
        {label: RowMark(*mark) for label, mark in value["data"].items()},
        {label: EventMark(*mark) for label, mark in value["events"].items()},
    )
