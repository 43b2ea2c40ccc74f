"""Data streams and event streams: their metadata."""

from __future__ import annotations

from typing import NamedTuple

from joule.wire.openapi.folders import MOVE
from joule.wire.openapi.operations import (
    BY_PATH_OR_ID,
    DESTINATION_REFUSED,
    NO_SPEC,
    NO_STREAM,
    OK,
    STREAM_REFUSED,
    Answer,
    Body,
    Operation,
    Parameter,
    bad,
    flag,
    unknown,
)
from joule.wire.openapi.schemas import INTEGER, TEXT, record, ref
from joule.wire.routes import Route

_LOCKED = bad("stream is locked")
_BAD_STREAM = bad("Invalid stream specification: <reason>")


class _Kind(NamedTuple):
    """What tells the routes of one kind of stream from those of the other."""

    name: str
    schema: str
    route: Route
    move_route: Route
    no_source: str
    options: tuple[Parameter, ...] = ()

    def operations(self) -> tuple[Operation, ...]:
        """Describe everything that can be done to a stream of this kind."""
        return self._get(), self._create(), self._update(), self._move(), self._delete()

    @property
    def _one(self) -> Answer:
        return Answer(ref(self.schema))

    def _get(self) -> Operation:
        return Operation(
            f"{self.name}_get",
            "get",
            self.route,
            "Give a stream and what is stored of it",
            self._one,
            (*BY_PATH_OR_ID, *self.options),
            refused=STREAM_REFUSED,
        )

    def _create(self) -> Operation:
        new = record(
            {"stream": ref(f"New{self.schema}"), "dest_path": TEXT, "dest_id": INTEGER},
            absent=("dest_path", "dest_id"),
        )
        new["anyOf"] = [{"required": ["dest_path"]}, {"required": ["dest_id"]}]
        return Operation(
            f"{self.name}_create",
            "post",
            self.route,
            "Create a stream in a folder, which is made if it is missing",
            self._one,
            body=Body(new),
            refused=(
                *bad(
                    "provide a stream",
                    "Invalid or missing stream attribute: '<key>'",
                    "Invalid stream JSON: <reason>",
                ),
                *_BAD_STREAM,
                *DESTINATION_REFUSED,
            ),
            scope="write",
        )

    def _update(self) -> Operation:
        return Operation(
            f"{self.name}_update",
            "put",
            self.route,
            "Change some attributes of a stream",
            self._one,
            body=Body(record({"id": INTEGER, "stream": ref(f"{self.schema}Changes")})),
            refused=(
                *bad(
                    "Invalid request: specify id",
                    "Invalid request: specify stream as JSON",
                    "error: [stream] attribute must be JSON",
                ),
                *unknown(NO_STREAM),
                *_LOCKED,
                *_BAD_STREAM,
            ),
            scope="write",
        )

    def _move(self) -> Operation:
        return Operation(
            f"{self.name}_move",
            "put",
            self.move_route,
            "Put a stream into another folder",
            Answer(record({"stream": ref(self.schema)})),
            body=MOVE,
            refused=(
                *bad(self.no_source),
                *unknown(NO_STREAM),
                *_LOCKED,
                *DESTINATION_REFUSED,
                *bad("stream with the same name exists in the destination folder"),
            ),
            scope="write",
        )

    def _delete(self) -> Operation:
        return Operation(
            f"{self.name}_delete",
            "delete",
            self.route,
            "Delete a stream with all that is stored of it",
            OK,
            BY_PATH_OR_ID,
            refused=(*STREAM_REFUSED, *_LOCKED),
            scope="write",
        )


STREAMS = (
    *_Kind(
        "data_stream",
        "DataStream",
        Route.STREAM,
        Route.STREAM_MOVE,
        "specify a source id or a path",
        (flag("no-info", "without data_info"),),
    ).operations(),
    *_Kind("event_stream", "EventStream", Route.EVENT, Route.EVENT_MOVE, NO_SPEC).operations(),
)
