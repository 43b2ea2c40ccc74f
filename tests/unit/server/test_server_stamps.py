"""``updated_at``: a change raises it on the thing and on every folder above it, and nowhere else.

Who shows the tree skips what has not risen, with all below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.server.support import add_stream, rows_at
from tests.unit.server.tree import (
    NEW_EVENTS,
    NEW_STREAM,
    Request,
    change,
    plant_tree,
    query,
    send,
    stamps,
)

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http

RAISING: list[tuple[Request, str]] = [
    (change("PUT", "/stream.json", id="{y}", stream={"name": "y"}), "root a b y"),
    (change("PUT", "/stream.json", id="{y}", stream={"description": "d"}), "root a b y"),
    (change("PUT", "/stream.json", id="{y}", stream={"keep_us": 1}), "root a b y"),
    (
        change("PUT", "/stream.json", id="{y}", stream={"elements": [{"name": "e"}, {}]}),
        "root a b y",
    ),
    (change("PUT", "/event.json", id="{ev}", stream={"description": "d"}), "root a ev"),
    (change("PUT", "/folder.json", id="{b}", folder={"description": "d"}), "root a b"),
    (change("POST", "/stream.json", stream=NEW_STREAM, dest_path="/a/b"), "root a b new"),
    (change("POST", "/event.json", stream=NEW_EVENTS, dest_id="{c}"), "root c new"),
    (change("POST", "/stream.json", stream=NEW_STREAM, dest_path="/c/d/f"), "root c d f new"),
    (change("PUT", "/stream/move.json", src_path="/a/b/y", dest_path="/c"), "root a b c y"),
    (change("PUT", "/stream/move.json", src_id="{y}", dest_path="/d"), "root a b d y"),
    (change("PUT", "/event/move.json", src_path="/a/ev", dest_path="/a/b"), "root a b ev"),
    (change("PUT", "/folder/move.json", src_path="/a/b", dest_path="/c"), "root a b c"),
    (query("DELETE", "/stream.json", path="/a/b/y"), "root a b"),
    (query("DELETE", "/event.json", id="{ev}"), "root a"),
    (query("DELETE", "/folder.json", path="/a/b"), "root a"),
]

IDLE: list[Request] = [
    query("DELETE", "/data", id="{x}", start=12, end=14),
    query("POST", "/data/consolidate.json", id="{x}", max_gap=100),
    query("POST", "/data/decimate.json", id="{x}"),
    query("DELETE", "/data/decimate.json", id="{x}"),
    change(
        "POST",
        "/event/data.json",
        id="{ev}",
        events=[{"event_stream_id": None, "start_time": 1, "end_time": 2, "content": {}}],
    ),
    query("DELETE", "/event/data.json", id="{ev}"),
    change("POST", "/annotation.json", stream_id="{x}", title="t", start=5),
    change("PUT", "/annotation.json", id=1, title="other"),
    query("DELETE", "/annotation.json", id=1),
    query("DELETE", "/stream/annotations.json", stream_id="{x}"),
    query("GET", "/stream.json", id="{x}"),
    query("GET", "/folders.json"),
]

REFUSED: list[Request] = [
    change("PUT", "/stream.json", id="{y}", stream={"name": ""}),
    change("PUT", "/stream/move.json", src_path="/a/b/y", dest_path="/a/b"),
    change("PUT", "/folder/move.json", src_path="/a", dest_path="/a/b/d"),
    change("POST", "/stream.json", stream=NEW_STREAM | {"name": "y"}, dest_path="/a/b"),
    change("POST", "/stream.json", stream=NEW_STREAM | {"name": "/"}, dest_path="/d/e"),
    query("DELETE", "/folder.json", path="/a"),
]


@pytest.fixture(autouse=True)
async def _planted(running: RunningNode) -> None:
    await plant_tree(running)


@pytest.mark.parametrize(("asked", "raised"), RAISING, ids=str)
async def test_a_change_raises_the_stamps_up_to_the_root_and_no_others(
    http: Http, asked: Request, raised: str
) -> None:
    before = await stamps(http)
    assert (await send(http, asked)).status == 200
    after = await stamps(http)
    risen = {name for name, item in after.items() if item > before.get(name, (0, ""))}
    assert risen == set(raised.split())
    assert len({after[name][1] for name in risen}) == 1
    same = after.keys() & before.keys() - risen
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


@pytest.mark.parametrize("asked", IDLE, ids=str)
async def test_what_changes_no_stream_or_folder_raises_no_stamp(http: Http, asked: Request) -> None:
    before = await stamps(http)
    assert (await send(http, asked)).status == 200
    assert await stamps(http) == before


async def test_rows_raise_no_stamp(http: Http) -> None:
    before = await stamps(http)
    assert (await http.write("/a/x", rows_at(50, 60).tobytes())).status == 200
    assert await stamps(http) == before


@pytest.mark.parametrize("asked", REFUSED, ids=str)
async def test_a_refused_change_raises_no_stamp(http: Http, asked: Request) -> None:
    before = await stamps(http)
    assert (await send(http, asked)).status == 400
    assert await stamps(http) == before


async def test_stamps_rise_with_every_change_however_fast_they_come(http: Http) -> None:
    seen = [(await stamps(http))["root"][1]]
    for number in range(20):
        renamed = change("PUT", "/stream.json", id="{y}", stream={"description": str(number)})
        await send(http, renamed)
        seen.append((await stamps(http))["y"][1])
        assert (await stamps(http))["root"][1] == seen[-1]
    assert seen == sorted(set(seen))


async def test_one_change_among_two_thousand_streams_raises_five_stamps(
    http: Http, running: RunningNode
) -> None:
    for number in range(2000):
        await add_stream(running, f"/big/f{number % 40}/g{number % 80}/s{number}")
    before = await stamps(http)
    assert len(before) > 2000
    answer = await send(http, change("PUT", "/stream.json", id="{s1234}", stream={"keep_us": 5}))
    assert answer.status == 200
    after = await stamps(http)
    risen = {name for name in after if after[name] != before[name]}
    assert risen == {"root", "big", "f34", "g34", "s1234"}
