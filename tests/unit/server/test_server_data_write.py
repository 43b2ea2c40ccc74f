from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.unit.server.support import add_stream, plant, rows_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http

TOKEN = bytes(16)


async def stored(http: Http, stream_id: int) -> bytes:
    return (await http.get("/data", id=stream_id)).body


async def test_rows_and_breaks_are_stored(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    data = rows_at(1, 2).tobytes() + TOKEN + rows_at(5).tobytes() + TOKEN
    answer = await http.write("/a/b/x", data)
    assert (answer.status, answer.text) == (200, "ok")
    assert await stored(http, stream.id) == data[: -len(TOKEN)]
    intervals = (await http.get("/data/intervals.json", id=stream.id)).json
    assert intervals == [[1, 3], [5, 6]]


async def test_the_cuts_of_a_chunked_body_carry_no_meaning(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    data = rows_at(*range(1, 50)).tobytes()

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    assert (await http.write("/a/b/x", body())).text == "ok"
    assert await stored(http, stream.id) == data


async def test_a_large_body_is_not_limited(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    rows = np.zeros(200_000, dtype=stream.rows_layout.dtype)
    rows["timestamp"] = np.arange(1, 200_001)
    assert (await http.write("/a/b/x", BytesIO(rows.tobytes()))).text == "ok"
    assert await stored(http, stream.id) == rows.tobytes()


async def test_an_empty_body_stores_nothing(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    assert (await http.write("/a/b/x", b"")).text == "ok"
    assert (await http.write("/a/b/x", TOKEN)).text == "ok"
    assert await stored(http, stream.id) == b""


async def test_each_write_starts_an_interval_unless_merged(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    await http.write("/a/b/x", rows_at(1, 2).tobytes())
    await http.write("/a/b/x", rows_at(3).tobytes())
    await http.write("/a/b/x", rows_at(13).tobytes(), merge_gap=9)
    assert (await http.get("/data/intervals.json", id=stream.id)).json == [[1, 3], [3, 14]]


async def test_an_incomplete_last_row_is_named_and_the_others_are_kept(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    answer = await http.write("/a/b/x", rows_at(1, 2).tobytes() + b"12345")
    assert answer.status == 400
    assert answer.text.startswith("incomplete row at the end of the data, 5 bytes of 16")
    assert await stored(http, stream.id) == rows_at(1, 2).tobytes()


@pytest.mark.parametrize(
    ("rows", "text", "fault"),
    [
        (rows_at(5, 4), "Non-monotonic timestamps in new data", "DataError"),
        (rows_at(5, 5), "Non-monotonic timestamps in new data", "DataError"),
        (rows_at(4, 10), "already exists", "DuplicateTimestampError"),
    ],
)
async def test_bad_rows_are_refused_with_their_reason(
    http: Http, running: RunningNode, rows: Any, text: str, fault: str
) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(10))
    answer = await http.write("/a/b/x", rows.tobytes())
    assert (answer.status, answer.headers["X-Joule-Fault"]) == (400, fault)
    assert text in answer.text
    assert not stream.is_destination


async def test_nan_is_refused(http: Http, running: RunningNode) -> None:
    await add_stream(running)
    rows = rows_at(1, 2)
    rows["data"][1, 0] = np.nan
    answer = await http.write("/a/b/x", rows.tobytes())
    assert answer.status == 400
    assert "Invalid values (NaN) in new data" in answer.text


async def test_rows_before_the_first_fault_are_kept(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)

    async def body() -> AsyncIterator[bytes]:
        yield rows_at(1, 2).tobytes()
        await wait_for_rows(running, stream.id, 2)
        yield rows_at(2).tobytes()

    assert (await http.write("/a/b/x", body())).status == 400
    assert await stored(http, stream.id) == rows_at(1, 2).tobytes()


async def test_a_stream_is_written_by_one_at_a_time(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    async with await running.node.data.open_writer(stream):
        answer = await http.write("/a/b/x", rows_at(1).tobytes())
    assert (answer.status, answer.text) == (400, "DataStream [x] is already being produced")
    assert (await http.write("/a/b/x", rows_at(1).tobytes())).text == "ok"


async def test_a_lost_client_leaves_its_rows_and_lets_go_of_the_stream(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)

    async def body() -> AsyncIterator[bytes]:
        yield rows_at(1, 2).tobytes() + b"half"
        await asyncio.Event().wait()

    writing = asyncio.create_task(http.write("/a/b/x", body()))
    await wait_for_rows(running, stream.id, 2)
    assert stream.is_destination
    writing.cancel()
    await asyncio.wait([writing])
    async with asyncio.timeout(5):
        while stream.is_destination:  # noqa: ASYNC110 - the stream has no event to wait for
            await asyncio.sleep(0.01)
    assert await stored(http, stream.id) == rows_at(1, 2).tobytes()


async def test_a_stopping_server_ends_an_upload_and_keeps_its_rows(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)

    async def body() -> AsyncIterator[bytes]:
        yield rows_at(1, 2).tobytes()
        await asyncio.Event().wait()

    writing = asyncio.create_task(http.write("/a/b/x", body()))
    await wait_for_rows(running, stream.id, 2)
    async with asyncio.timeout(3):
        await running.server.__aexit__(None, None, None)
    await asyncio.wait([writing])
    assert not stream.is_destination
    assert (await running.node.data.info(stream)).rows == 2


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({}, 400, "specify an id or a path"),
        ({"id": 99}, 404, "stream does not exist"),
        ({"id": 1, "merge-gap": "x"}, 400, "merge-gap must be an integer"),
        ({"id": 1, "merge-gap": -1}, 400, "merge-gap must be >= 0"),
    ],
)
async def test_a_bad_write_is_refused_with_its_reason(
    http: Http, running: RunningNode, query: dict[str, Any], status: int, text: str
) -> None:
    await add_stream(running)
    answer = await http("POST", "/data", query, data=rows_at(1).tobytes())
    assert (answer.status, answer.text) == (status, text)


async def test_a_body_that_breaks_the_chunked_coding_is_a_bad_request(
    running: RunningNode,
) -> None:
    stream = await add_stream(running)
    host, port = running.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /data?id=1 HTTP/1.1\r\nHost: x\r\nX-API-KEY: " + running.key.encode()
        + b"\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + rows_at(1).tobytes() + b"\r\nzz\r\n"
    )  # fmt: skip
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 400 " in status
    assert not stream.is_destination


async def wait_for_rows(running: RunningNode, stream_id: int, count: int) -> None:
    stream = running.node.catalog.data_stream(stream_id)
    async with asyncio.timeout(5):
        while (await running.node.data.info(stream)).rows < count:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


# ------------------------------------------------------------------ care for what is stored


async def test_deleting_a_range_leaves_a_break(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2, 3, 4))
    assert (await http.delete("/data", id=stream.id, start=2, end=3)).text == "ok"
    assert (await http.get("/data/intervals.json", id=stream.id)).json == [[1, 2], [3, 5]]
    assert (await http.delete("/data", id=stream.id)).text == "ok"
    assert (await http.get("/data/intervals.json", id=stream.id, start=1)).json == []


async def test_intervals_are_clipped_to_the_range(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2, 3), rows_at(7))
    answer = await http.get("/data/intervals.json", id=stream.id, start=2, end=7)
    assert answer.json == [[2, 4]]


async def test_small_gaps_are_consolidated(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1), rows_at(4), rows_at(50))
    answer = await http("POST", "/data/consolidate.json", {"id": stream.id, "max_gap": 5})
    assert answer.json == {"num_consolidated": 1}
    assert (await http.get("/data/intervals.json", id=stream.id)).json == [[1, 5], [50, 51]]


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        ({}, "specify max_gap as us integer"),
        ({"max_gap": "x"}, "specify max_gap as us integer"),
        ({"max_gap": 0}, "max_gap must be postive integer"),
    ],
)
async def test_consolidation_needs_a_positive_gap(
    http: Http, running: RunningNode, gap: dict[str, Any], text: str
) -> None:
    stream = await add_stream(running)
    answer = await http("POST", "/data/consolidate.json", {"id": stream.id} | gap)
    assert (answer.status, answer.text) == (400, text)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_decimations_can_be_made_anew_and_dropped(
    http: Http, running: RunningNode, method: str
) -> None:
    stream = await add_stream(running)
    assert (await http(method, "/data/decimate.json", {"id": stream.id})).text == "ok"
    await plant(running, stream, rows_at(*range(1, 100)))
    assert (await http(method, "/data/decimate.json", {"id": stream.id})).text == "ok"
    answer = await http("GET", "/data", {"id": stream.id, "max-rows": 10})
    assert answer.headers["Joule-Decimation"] == "16"
    assert answer.body
