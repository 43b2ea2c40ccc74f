"""``POST /archive.json``: who may send archives, and what is answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from joule.config.importer_conf import DataTarget, EventTarget, ImporterConf
from joule.testing.node import IMPORTER_KEY
from tests.unit.node.archives.joule_1_0 import Archive, event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http

IMPORTER = ImporterConf(
    "daily",
    data=(DataTarget("volts", "/mirror/s"),),
    events=(EventTarget("trips", "/mirror/e"),),
)


@pytest.fixture
def body(running: RunningNode, tmp_path: Path) -> bytes:
    """An archive that the node has an importer for."""
    running.importers.use([IMPORTER])
    archive = Archive().data([(1, 2.0, 3.0), (2, 3.0, 4.0)]).events([event(1, 2, 7, kind="a")])
    return archive.save(tmp_path / "a.zip").read_bytes()


async def test_the_answer_says_what_was_imported(http: Http, body: bytes) -> None:
    answer = await http("POST", "/archive.json", data=body)
    stream = {"source_label": "volts", "destination": "/mirror/s", "target_type": "data_stream"}
    events = {"source_label": "trips", "destination": "/mirror/e", "target_type": "event_stream"}
    assert answer.json == {
        "info": [
            {**stream, "message": "creating data stream /mirror/s"},
            {**stream, "message": "importing 2 rows of data into /mirror/s"},
            {**events, "message": "creating event stream /mirror/e"},
            {**events, "message": "imported 1 events into /mirror/e"},
        ],
        "warnings": [],
        "errors": [],
    }
    again = (await http("POST", "/archive.json", data=body)).json
    assert [each["message"] for each in again["errors"]] == [
        "data at 1970-01-01 00:00:00.000001 already exists in target",
        "1 events already exist in target",
    ]


async def test_an_archive_without_importer_is_answered_with_an_error(
    http: Http, running: RunningNode, body: bytes
) -> None:
    running.importers.use([])
    answer = await http("POST", "/archive.json", data=body)
    assert answer.json["errors"] == [
        {
            "source_label": None,
            "destination": None,
            "message": "No importer defined for archive [daily] from node [siteA]",
            "target_type": None,
        }
    ]


@pytest.mark.parametrize("kind", ["application/zip", "application/json", "multipart/form-data"])
async def test_the_content_type_does_not_matter(http: Http, body: bytes, kind: str) -> None:
    answer = await http("POST", "/archive.json", data=body, headers={"Content-Type": kind})
    assert len(answer.json["info"]) == 4


async def test_a_body_in_small_pieces_is_put_together(http: Http, body: bytes) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]
            await asyncio.sleep(0)

    assert len((await http("POST", "/archive.json", data=dripping())).json["info"]) == 4


@pytest.mark.parametrize("cut", [0, 1, 300])
async def test_what_is_no_archive_is_refused(http: Http, body: bytes, cut: int) -> None:
    answer = await http("POST", "/archive.json", data=body[:cut])
    assert (answer.status, answer.text) == (400, "invalid joule archive")


async def test_a_bad_archive_is_refused_with_the_reason(http: Http, tmp_path: Path) -> None:
    archive = Archive().data([(1, 2.0, 3.0)])
    archive.files["../evil"] = b""
    answer = await http("POST", "/archive.json", data=archive.save(tmp_path / "b").read_bytes())
    assert answer.status == 400
    assert answer.text == "invalid joule archive: [../evil] does not belong there"


# ------------------------------------------------------------------ keys


async def status(running: RunningNode, key: str | None, path: str, body: bytes) -> int:
    headers = {} if key is None else {"X-API-KEY": key}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(running.url + path, data=body) as response,
    ):
        return response.status


async def test_the_importer_key_is_good_for_archives_and_nothing_else(
    running: RunningNode, body: bytes
) -> None:
    assert await status(running, IMPORTER_KEY, "/archive.json", body) == 200
    for path in ("/data", "/event/data.json", "/archive.json/", "/"):
        assert await status(running, IMPORTER_KEY, path, b"") == 403
    async with (
        aiohttp.ClientSession(headers={"X-API-KEY": IMPORTER_KEY}) as session,
        session.get(running.url + "/archive.json") as response,
    ):
        assert response.status == 403


@pytest.mark.parametrize("key", [None, "", "wrong", IMPORTER_KEY + "i", IMPORTER_KEY[:-1]])
async def test_other_keys_are_refused(running: RunningNode, body: bytes, key: str | None) -> None:
    assert await status(running, key, "/archive.json", body) == 403
    assert not running.node.catalog.data_streams()


async def test_a_key_that_may_only_read_may_send_no_archives(
    running: RunningNode, body: bytes
) -> None:
    reader = await running.node.access.add_user("reader", scope="read")
    writer = await running.node.access.add_user("writer", scope="write")
    assert await status(running, reader, "/archive.json", body) == 403
    assert await status(running, writer, "/archive.json", body) == 200


# ------------------------------------------------------------------ broken off


async def test_a_client_that_goes_away_half_way_leaves_nothing(
    running: RunningNode, body: bytes
) -> None:
    folder = running.socket_path.parent / "importer_data"
    host, port = running.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /archive.json HTTP/1.1\r\nHost: x\r\nX-API-KEY: {IMPORTER_KEY}\r\n"
    writer.write(f"{head}Content-Length: {len(body) + 1}\r\n\r\n".encode() + body)
    async with asyncio.timeout(20):
        while not list(folder.glob("*")):  # noqa: ASYNC110 - the node does not tell
            await asyncio.sleep(0.01)
        writer.transport.abort()
        while list(folder.iterdir()):  # noqa: ASYNC110 - the node does not tell
            await asyncio.sleep(0.01)
    assert not running.node.catalog.data_streams()


async def test_an_upload_does_not_keep_the_server_from_stopping(
    running: RunningNode, http: Http, body: bytes
) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield body
        begun.set()
        await asyncio.Event().wait()

    asking = asyncio.create_task(http("POST", "/archive.json", data=endless()))
    await begun.wait()
    async with asyncio.timeout(20):
        await running.server.__aexit__()
    asking.cancel()
    await asyncio.wait([asking])
    assert not running.node.catalog.data_streams()
