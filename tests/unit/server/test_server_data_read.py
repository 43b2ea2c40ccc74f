from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pytest

from joule.errors import StorageDamagedError
from joule.models.layout import Layout
from tests.unit.server.support import add_stream, plant, rows_at

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.models.streams import DataStream
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Answer, Http

TOKEN = bytes(16)


def decimation_headers(answer: Answer) -> tuple[str, str]:
    return answer.headers["Joule-Layout"], answer.headers["Joule-Decimation"]


async def test_rows_come_packed_with_a_token_between_intervals(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2), rows_at(5, 6))
    answer = await http.get("/data", path="/a/b/x")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert decimation_headers(answer) == ("float32_2", "1")
    assert answer.body == rows_at(1, 2).tobytes() + TOKEN + rows_at(5, 6).tobytes()


async def test_a_range_includes_its_start_and_not_its_end(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2, 3, 4))
    answer = await http.get("/data", id=stream.id, start=2, end=4)
    assert answer.body == rows_at(2, 3).tobytes()


async def test_a_long_stream_arrives_whole(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running, layout="int16_6")
    rows = np.zeros(200_000, dtype=Layout.parse("int16_6").dtype)
    rows["timestamp"] = np.arange(1, 200_001)
    await plant(running, stream, rows)
    answer = await http.get("/data", id=stream.id)
    assert answer.body == rows.tobytes()


async def test_decimated_rows_have_means_minima_and_maxima(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running, layout="int16_1")
    await plant(running, stream, rows_at(*range(1, 9), layout="int16_1"))
    answer = await http("GET", "/data", {"id": stream.id, "max-rows": 2})
    assert decimation_headers(answer) == ("float32_3", "4")
    rows = np.frombuffer(answer.body, dtype=Layout.parse("float32_3").dtype)
    assert rows["timestamp"].tolist() == [2, 6]
    assert rows["data"].tolist() == [[2.5, 1.0, 4.0], [6.5, 5.0, 8.0]]
    forced = await http("GET", "/data", {"id": stream.id, "decimation-level": 4})
    assert forced.body == answer.body


async def test_a_stream_without_rows_gives_nothing_with_its_headers(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    answer = await http.get("/data", id=stream.id)
    assert (answer.status, answer.body) == (200, b"")
    assert decimation_headers(answer) == ("float32_2", "1")
    answer = await http("GET", "/data", {"id": stream.id, "decimation-level": 16})
    assert (answer.status, answer.body) == (200, b"")
    assert decimation_headers(answer) == ("float32_6", "16")


async def test_a_range_without_rows_is_an_error_with_the_exact_body(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2))
    answer = await http.get("/data", id=stream.id, start=10)
    assert (answer.status, answer.text) == (400, "this stream has no data")
    answer = await http("GET", "/data", {"id": stream.id, "start": 10, "max-rows": 5})
    assert (answer.status, answer.body) == (200, b"")
    assert decimation_headers(answer) == ("float32_2", "1")


async def test_head_gives_the_headers_only(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2))
    answer = await http("HEAD", "/data", {"id": stream.id})
    assert (answer.status, answer.body) == (200, b"")
    assert decimation_headers(answer) == ("float32_2", "1")


# ------------------------------------------------------------------ JSON


async def test_json_is_a_list_of_intervals_of_rows(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running, layout="int32_2")
    first, second = rows_at(1, 2, layout="int32_2"), rows_at(7, layout="int32_2")
    await plant(running, stream, first, second)
    answer = (await http.get("/data.json", id=stream.id)).json
    assert answer == {"data": [[[1, 1, 1], [2, 2, 2]], [[7, 7, 7]]], "decimation_factor": 1}


async def test_json_of_floats_has_float_timestamps(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1551730769556442))
    body = (await http.get("/data.json", id=stream.id)).text
    assert body.startswith('{"data":[[[1551730769556442.0,')


async def test_json_of_many_rows_is_whole_and_bounded_by_max_rows(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running, layout="int64_1")
    await plant(running, stream, rows_at(*range(1, 100_001), layout="int64_1"))
    data = (await http.get("/data.json", id=stream.id)).json["data"]
    assert data == [[[t, t] for t in range(1, 100_001)]]
    small = (await http("GET", "/data.json", {"id": stream.id, "max-rows": 400})).json
    assert small["decimation_factor"] == 256
    assert 0 < len(small["data"][0]) <= 400
    assert len(small["data"][0][0]) == 4


async def test_the_empty_cases_of_json(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    nothing = {"data": [[]], "decimation_factor": 1}
    assert (await http.get("/data.json", id=stream.id)).json == nothing
    query = {"id": stream.id, "decimation-level": 64}
    assert (await http("GET", "/data.json", query)).json == nothing | {"decimation_factor": 64}
    await plant(running, stream, rows_at(1, 2))
    answer = (await http.get("/data.json", id=stream.id, start=10)).json
    assert answer == {"data": [], "decimation_factor": 1}
    query = {"id": stream.id, "start": 10, "max-rows": 5}
    assert (await http("GET", "/data.json", query)).json == nothing


async def test_decimated_values_too_large_for_float32_stay_valid_json(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running, layout="float64_1")
    rows = rows_at(*range(1, 9), layout="float64_1")
    rows["data"][:4] = 1e300
    await plant(running, stream, rows)
    answer = (await http("GET", "/data.json", {"id": stream.id, "max-rows": 2})).json
    assert answer["data"] == [[[6.0, 6.5, 5.0, 8.0]]]


async def test_json_cannot_be_subscribed_to(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    answer = await http.get("/data.json", id=stream.id, subscribe=1)
    assert (answer.status, answer.text) == (400, "JSON subscription not implemented")


@pytest.mark.parametrize("path", ["/data", "/data.json"])
@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({"id": None}, 400, "specify an id or a path"),
        ({"id": "x"}, 400, "parameter id must be an int"),
        ({"id": 99}, 404, "stream does not exist"),
        ({"path": "/none", "id": 1}, 404, "stream does not exist"),
        ({"path": "a/b/x"}, 404, "stream does not exist"),
        ({"start": 5, "end": 5}, 400, "[start] must be before [end]"),
        ({"start": "x"}, 400, "parameter start must be an int"),
        ({"end": "200.5"}, 400, "parameter end must be an int"),
        ({"max-rows": 0}, 400, "[max-rows] must be > 0"),
        ({"max-rows": "x"}, 400, "parameter max-rows must be an int"),
        ({"decimation-level": -4}, 400, "[decimation-level] must be > 0"),
        ({"decimation-level": 3}, 400, "[decimation-level] must be a power of 4"),
    ],
)
async def test_a_bad_read_is_refused_with_its_reason(
    http: Http, running: RunningNode, path: str, query: dict[str, Any], status: int, text: str
) -> None:
    stream = await add_stream(running)
    query = {k: v for k, v in ({"id": stream.id} | query).items() if v is not None}
    answer = await http("GET", path, query)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize("path", ["/data", "/data.json"])
@pytest.mark.parametrize("name", ["max-rows", "decimation-level"])
@pytest.mark.parametrize("value", [4**24, 4**40, 10**300])
async def test_absurd_sizes_are_answered_or_refused(
    http: Http, running: RunningNode, path: str, name: str, value: int
) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2))
    answer = await http("GET", path, {"id": stream.id, name: value})
    assert answer.status in (200, 400)
    wide = await http.get(path, id=stream.id, start=-(10**40), end=10**40)
    assert wide.status == 200


# ------------------------------------------------------------------ back-pressure


async def test_a_slow_reader_holds_the_read_back(
    running: RunningNode, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, rows = await long_stream(running)
    samples = running.node.engine.samples
    taken = Counted(samples.read)
    monkeypatch.setattr(samples, "read", taken)
    async with http.session.get(f"{running.url}/data?id={stream.id}") as response:
        await response.content.readexactly(128)
        seen = -1
        while taken.bytes != seen:
            seen = taken.bytes
            await asyncio.sleep(0.2)
        assert 0 < seen < rows.nbytes / 2
        assert len(await response.content.read()) == rows.nbytes - 128


class Counted:
    """Counts the bytes of the blocks that a read gives."""

    def __init__(self, read: Any) -> None:
        self._read = read
        self.bytes = 0

    async def __call__(self, *args: Any) -> Any:
        async for block in self._read(*args):
            self.bytes += block.rows.nbytes
            yield block


# ------------------------------------------------------------------ answers that break off


async def long_stream(running: RunningNode) -> tuple[DataStream, Rows]:
    stream = await add_stream(running, layout="float64_15")
    rows = np.zeros(400_000, dtype=stream.rows_layout.dtype)
    rows["timestamp"] = np.arange(1, len(rows) + 1)
    await plant(running, stream, rows)
    return stream, rows


class Failing:
    """Gives two blocks and then fails."""

    def __init__(self, read: Any) -> None:
        self._read = read

    async def __call__(self, *args: Any) -> Any:
        count = 0
        async for block in self._read(*args):
            if count == 2:
                raise StorageDamagedError("checksum of chunk 3 does not match")
            yield block
            count += 1


@pytest.mark.parametrize("path", ["/data", "/data.json"])
async def test_an_answer_that_fails_half_way_is_not_taken_for_complete(
    http: Http, running: RunningNode, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    stream, _ = await long_stream(running)
    samples = running.node.engine.samples
    monkeypatch.setattr(samples, "read", Failing(samples.read))
    async with http.session.get(f"{running.url}{path}?id={stream.id}") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await response.content.read()


@pytest.mark.parametrize("path", ["/data", "/data.json"])
async def test_what_fails_before_the_first_row_is_an_error(
    http: Http, running: RunningNode, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2, 3, 4, 5))
    monkeypatch.setattr(running.node.engine.samples, "read_decimated", _damaged)
    answer = await http("GET", path, {"id": stream.id, "decimation-level": 4})
    assert (answer.status, answer.text) == (500, "checksum of chunk 1 does not match")


async def _damaged(*_args: Any) -> Any:
    raise StorageDamagedError("checksum of chunk 1 does not match")
    yield


@pytest.mark.parametrize("path", ["/data", "/data.json"])
async def test_a_stopping_server_cuts_a_long_answer(
    http: Http, running: RunningNode, path: str
) -> None:
    stream, _ = await long_stream(running)
    async with http.session.get(f"{running.url}{path}?id={stream.id}") as response:
        await response.content.readexactly(128)
        async with asyncio.timeout(3):
            await running.server.__aexit__(None, None, None)
        with pytest.raises(aiohttp.ClientError):
            await response.content.read()
