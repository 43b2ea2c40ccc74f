from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import aiohttp

from tests.unit.server.support import Http, add_stream, rows_at

if TYPE_CHECKING:
    from joule.testing.node import RunningNode


async def test_the_banner_is_plain_text_without_a_newline(http: Http) -> None:
    answer = await http("GET", "/", headers={"Accept": "*/*"})
    assert (answer.status, answer.text) == (200, "Joule server")
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_version_is_text_and_json(http: Http, running: RunningNode) -> None:
    assert (await http.get("/version")).text == "2.0.0"
    about = (await http.get("/version.json")).json
    assert about == {"version": "2.0.0", "name": "test_node", "uuid": str(running.node.uuid)}
    assert UUID(about["uuid"]).version == 4


async def test_dbinfo_has_a_path_and_four_integers(http: Http) -> None:
    info = (await http.get("/dbinfo")).json
    assert set(info) == {"path", "size", "other", "reserved", "free"}
    assert all(isinstance(info[key], int) for key in ("size", "other", "reserved", "free"))


async def test_commit_makes_accepted_rows_durable(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    async with await running.node.data.open_writer(stream) as writer:
        await writer.write(rows_at(1, 2, 3))
        samples = running.node.engine.samples
        assert samples.pending_bytes > 0
        answer = await http("POST", "/commit.json")
        assert (answer.status, answer.text) == (200, "ok")
        assert samples.pending_bytes == 0


async def test_get_routes_answer_head_without_a_body(http: Http) -> None:
    for path in ("/", "/version.json", "/folders.json"):
        answer = await http("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")


async def test_what_is_not_served_is_404(http: Http) -> None:
    assert (await http.get("/not/served.json")).status == 404


async def test_who_asks_for_a_database_server_hears_what_there_is_instead(http: Http) -> None:
    answer = await http.get("/db/connection.json")
    assert answer.status == 400
    assert answer.text.startswith("this node keeps its data in [memory:], there is no database")
    assert "joule admin backup" in answer.text


async def test_connections_are_kept_alive(running: RunningNode) -> None:
    opened: list[object] = []

    async def note(_session: object, _context: object, params: object) -> None:
        opened.append(params)

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(note)
    headers = {"X-API-KEY": running.key}
    async with aiohttp.ClientSession(trace_configs=[trace], headers=headers) as session:
        for _ in range(3):
            assert (await Http(session, running.url).get("/version.json")).status == 200
    assert len(opened) == 1
