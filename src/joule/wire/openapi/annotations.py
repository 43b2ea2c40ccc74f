"""Annotations of data streams."""

from __future__ import annotations

from joule.wire.openapi.operations import NO_STREAM as _NO_STREAM
from joule.wire.openapi.operations import (
    OK,
    STREAM_REFUSED,
    Answer,
    Body,
    Operation,
    Parameter,
    bad,
    integer,
    text,
    unknown,
)
from joule.wire.openapi.schemas import INTEGER, TEXT, TIME, list_of, optional, record, ref
from joule.wire.routes import Route

_NO_TIMES = "[start] and [end] must be microsecond utc timestamps"
_SPAN = (
    integer("start", "first start of the annotations", TIME, fault=_NO_TIMES),
    integer("end", "last start of the annotations, itself inside", TIME, fault=_NO_TIMES),
)
_STREAM = (
    integer("stream_id", "id of the stream, wins over the path"),
    text("stream_path", "its path"),
)
_NO_NOTE = unknown("annotation does not exist")

ANNOTATIONS = (
    Operation(
        "annotation_list",
        "get",
        Route.ANNOTATIONS,
        "List the annotations of some streams",
        Answer(list_of(ref("Annotation"))),
        (
            Parameter(
                "stream_id",
                list_of(INTEGER),
                "ids of streams",
                fault="parameter stream_id must be an int",
            ),
            Parameter("stream_path", list_of(TEXT), "paths of streams"),
            *_SPAN,
        ),
        refused=(
            *bad("must specify at least one stream_id or stream_path"),
            *unknown(_NO_STREAM),
        ),
    ),
    Operation(
        "annotation_info",
        "get",
        Route.ANNOTATIONS_INFO,
        "Give how many annotations a stream has, and when",
        Answer(ref("AnnotationInfo")),
        _STREAM,
        refused=STREAM_REFUSED,
    ),
    Operation(
        "annotation_create",
        "post",
        Route.ANNOTATION,
        "Add an annotation to a stream",
        Answer(ref("Annotation")),
        body=Body(
            {
                **record(
                    {
                        "stream_id": INTEGER,
                        "stream_path": TEXT,
                        "title": {"type": "string", "minLength": 1},
                        "start": TIME,
                        "end": optional(TIME),
                        "content": optional(TEXT),
                    },
                    absent=("stream_id", "stream_path", "end", "content"),
                ),
                "anyOf": [{"required": ["stream_id"]}, {"required": ["stream_path"]}],
            },
        ),
        refused=(
            *bad(
                "specify a stream_id",
                "invalid values for annotation",
                "title is reqiured",
                "[start] must be before [end]",
            ),
            *unknown(_NO_STREAM),
        ),
        scope="write",
    ),
    Operation(
        "annotation_update",
        "put",
        Route.ANNOTATION,
        "Change title or content of an annotation",
        Answer(ref("Annotation")),
        body=Body(
            record(
                {
                    "id": INTEGER,
                    "title": {"type": "string", "minLength": 1},
                    "content": optional(TEXT),
                },
                absent=("title", "content"),
            )
        ),
        refused=(
            *bad("specify an id", "annotation title is reqiured", "invalid values for annotation"),
            *_NO_NOTE,
        ),
        scope="write",
    ),
    Operation(
        "annotation_delete",
        "delete",
        Route.ANNOTATION,
        "Delete an annotation",
        OK,
        (integer("id", "its id", required=True),),
        refused=(*bad("specify an id"), *_NO_NOTE),
        scope="write",
    ),
    Operation(
        "annotation_delete_all",
        "delete",
        Route.STREAM_ANNOTATIONS,
        "Delete the annotations of a stream",
        OK,
        (*_STREAM, *_SPAN),
        refused=STREAM_REFUSED,
        scope="write",
    ),
)
