"""The rows of data streams."""

from __future__ import annotations

from joule.wire.openapi.operations import (
    BACKWARDS,
    BY_PATH_OR_ID,
    OK,
    RANGE,
    ROWS,
    STREAM_REFUSED,
    Answer,
    Body,
    Operation,
    Parameter,
    bad,
    integer,
)
from joule.wire.openapi.schemas import COUNT, at_least, list_of, one_of, record, ref
from joule.wire.routes import Route
from joule.wire.rows import DECIMATION_HEADER, LAYOUT_HEADER

_PACKED = (
    "Rows without padding, little-endian: int64 time in microseconds, then one value per element. "
    "A row of zero bytes is a break between intervals."
)
_RESOLUTION = (
    integer("max-rows", "about as many rows at most, decimated if need be", at_least(1)),
    integer(
        "decimation-level",
        "how many rows become one: a power of 4, wins over max-rows",
        one_of(*(4**power for power in range(32))),
    ),
)
_READ_REFUSED = (
    *STREAM_REFUSED,
    *BACKWARDS,
    *bad(
        "[max-rows] must be > 0",
        "[decimation-level] must be > 0",
        "[decimation-level] must be a power of 4",
        "[decimation-level] is too large",
        "decimated data is not available: <reason>",
    ),
)
_WHERE = (*BY_PATH_OR_ID, *RANGE)

DATA = (
    Operation(
        "data_read",
        "get",
        Route.DATA,
        "Read rows of a range, or live ones as they come",
        Answer(
            {"type": "string", "contentMediaType": ROWS},
            ROWS,
            f"{_PACKED} Decimated rows are float32: all means, all minima, all maxima.",
            {
                LAYOUT_HEADER: "layout of the rows, such as float32_3",
                DECIMATION_HEADER: "their decimation level, 1 for raw rows",
            },
        ),
        (
            *_WHERE,
            *_RESOLUTION,
            Parameter("subscribe", one_of("1"), "live rows, from start on if that is still known"),
        ),
        refused=(
            *_READ_REFUSED,
            *bad("this stream has no data", "stream is not being produced"),
        ),
    ),
    Operation(
        "data_json",
        "get",
        Route.DATA_JSON,
        "Read rows of a range as JSON, for plots",
        Answer(ref("Plot")),
        (*_WHERE, *_RESOLUTION),
        refused=(*_READ_REFUSED, *bad("JSON subscription not implemented")),
    ),
    Operation(
        "data_write",
        "post",
        Route.DATA,
        "Store rows; those before a fault are kept",
        OK,
        (
            *BY_PATH_OR_ID,
            integer(
                "merge-gap",
                "microseconds: up to this distance the rows continue the interval before them",
                COUNT,
                fault="merge-gap must be an integer",
            ),
            integer(
                "backfill",
                "1: rows before the newest one only, which may be beside the stream's producer",
            ),
        ),
        Body({"type": "string", "contentMediaType": ROWS}, ROWS, _PACKED),
        refused=(
            *STREAM_REFUSED,
            *bad(
                "merge-gap must be >= 0",
                "DataStream [<name>] is already being produced",
                "DataStream [<name>] is being produced, <what others can write>",
                "Non-monotonic timestamps in new data <where>",
                "Invalid values (<NaN or infinity>) in new data <where>",
                "Invalid timestamp in new data <where>",
                "<timestamp> already exists<where>",
                "incomplete row at the end of the data, <how much>",
                "the body of the request cannot be read",
            ),
        ),
        scope="write",
    ),
    Operation(
        "data_delete",
        "delete",
        Route.DATA,
        "Remove the rows of a range",
        OK,
        _WHERE,
        refused=(*STREAM_REFUSED, *BACKWARDS),
        scope="write",
    ),
    Operation(
        "data_intervals",
        "get",
        Route.DATA_INTERVALS,
        "List the unbroken runs of rows in a range",
        Answer(list_of(ref("Interval"))),
        _WHERE,
        refused=(*STREAM_REFUSED, *BACKWARDS),
    ),
    Operation(
        "data_consolidate",
        "post",
        Route.DATA_CONSOLIDATE,
        "Join the intervals of a range that are close to each other",
        Answer(record({"num_consolidated": COUNT})),
        (
            *_WHERE,
            integer(
                "max_gap",
                "microseconds between intervals that are joined",
                at_least(1),
                required=True,
                fault="specify max_gap as us integer",
            ),
        ),
        refused=(*STREAM_REFUSED, *BACKWARDS, *bad("max_gap must be postive integer")),
        scope="write",
    ),
    Operation(
        "data_decimate",
        "post",
        Route.DATA_DECIMATE,
        "Compute the decimations of a stream anew",
        OK,
        BY_PATH_OR_ID,
        refused=STREAM_REFUSED,
        scope="write",
    ),
    Operation(
        "data_drop_decimations",
        "delete",
        Route.DATA_DECIMATE,
        "Drop the stored decimations of a stream",
        OK,
        BY_PATH_OR_ID,
        refused=STREAM_REFUSED,
        scope="write",
    ),
)
