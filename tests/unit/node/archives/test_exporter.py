"""An exporter at work: to a real node and into a folder, over faults, restarts and changes."""

from __future__ import annotations

import filecmp
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from joule.api import TcpNode
from joule.errors import StreamNotFound
from joule.models.events import Event
from joule.storage.interfaces import EXPORTERS_1_0
from joule.testing.node import IMPORTER_KEY
from tests.unit.node.archives.exporting import NOWHERE, mirrored, to
from tests.unit.node.archives.support import EXPORTER, HOUR_US, IMPORTER, furnish
from tests.unit.node.support import make_rows, make_stream, stored, write_session

if TYPE_CHECKING:
    from pathlib import Path

    from joule.testing.node import RunningNode
    from tests.unit.node.archives.exporting import Scene


# ------------------------------------------------------------------ delivering


async def test_archives_go_to_the_node_and_leave_nothing_behind(
    scene: Scene, server: RunningNode
) -> None:
    data, events = await furnish(scene.node)
    await scene.restart(to(server))
    for turn in range(3):
        await write_session(scene.node, data, [turn], gap=100)
        await scene.node.events.write(events, [Event(turn, None)])
        await scene.turn()
        assert scene.waiting == []
    rows, found = await mirrored(server)
    assert (rows, len(found)) == ([0, 1, 2], 3)


@pytest.mark.parametrize(
    "fault",
    [
        {"url": NOWHERE},
        {"key": "x" * 32},
        {"url": "http://127.0.0.1:{port}/elsewhere"},
        {"name": "unknown"},
    ],
    ids=["nobody there", "wrong key", "wrong path", "no importer"],
)
async def test_what_is_not_taken_waits_and_arrives_once_when_the_fault_is_gone(
    fault: dict[str, str], scene: Scene, server: RunningNode
) -> None:
    data, events = await furnish(scene.node)
    port = server.url.rpartition(":")[2]
    faulty = {name: value.format(port=port) for name, value in fault.items()}
    sound = to(server, name=faulty.get("name", "daily"))
    await scene.restart(replace(sound, **faulty))  # type: ignore[arg-type]
    for turn in range(3):
        await write_session(scene.node, data, [turn], gap=100)
        await scene.node.events.write(events, [Event(turn, None)])
        await scene.turn()
        assert len(scene.waiting) == turn + 1
    await scene.restart(sound)
    assert len(scene.waiting) == 3
    if "name" in faulty:
        server.importers.use([replace(IMPORTER, name="unknown")])
    await scene.turn(0.1)
    assert scene.waiting == []
    rows, found = await mirrored(server)
    assert (rows, len(found)) == ([0, 1, 2], 3)


async def test_an_archive_that_was_taken_though_nobody_heard_of_it_is_taken_once(
    scene: Scene, server: RunningNode
) -> None:
    data, events = await furnish(scene.node)
    await write_session(scene.node, data, [1, 2])
    await scene.node.events.write(events, [Event(1, None)])
    await scene.restart(to(server, url=NOWHERE))
    await scene.turn()
    (file,) = scene.folder.iterdir()
    async with TcpNode("hub", server.url, IMPORTER_KEY) as hub:
        assert (await hub.archive_upload(file)).success
    await write_session(scene.node, data, [3], gap=100)
    await scene.restart(to(server))
    await scene.turn()
    assert scene.waiting == []
    rows, found = await mirrored(server)
    assert (rows, len(found)) == ([1, 2, 3], 1)


async def test_what_a_stream_that_is_being_produced_did_not_take_waits(
    scene: Scene, server: RunningNode
) -> None:
    data, events = await furnish(scene.node)
    hub = server.node
    mirror = await hub.catalog.create_stream(make_stream(), "/mirror")
    await write_session(scene.node, data, [100, 101])
    await scene.node.events.write(events, [Event(1, None)])
    await scene.restart(to(server))
    async with await hub.data.open_writer(mirror) as writer:
        await writer.write(make_rows([1]))
        await scene.turn()
        assert len(scene.waiting) == 1
        assert await stored(hub, mirror) == [1]
    await scene.turn()
    assert scene.waiting == []
    rows, found = await mirrored(server)
    assert (rows, len(found)) == ([1, "|", 100, 101], 1)


async def test_a_lost_file_is_made_again(scene: Scene, server: RunningNode) -> None:
    data, _ = await furnish(scene.node)
    await write_session(scene.node, data, [1, 2])
    await scene.restart(to(server, url=NOWHERE))
    await scene.turn()
    for file in scene.folder.iterdir():
        file.unlink()
    scene.folder.rmdir()  # as /var/run is after the machine was started
    await scene.restart(to(server))
    await scene.turn()
    assert (await mirrored(server))[0] == [1, 2]


async def test_a_folder_gets_copies_that_are_whole(scene: Scene, tmp_path: Path) -> None:
    data, _ = await furnish(scene.node)
    out = tmp_path / "out"
    await scene.restart(replace(EXPORTER, folder=out))
    await write_session(scene.node, data, [1, 2])
    await scene.turn()
    (name,) = scene.waiting  # the folder is not there yet
    out.mkdir()
    (out / name).write_text("somebody else's")
    kept = tmp_path / "kept.zip"
    kept.write_bytes((scene.folder / name).read_bytes())
    await scene.turn(0.1)
    assert scene.waiting == []
    assert sorted(file.name for file in out.iterdir()) == sorted(
        [name, name.replace(".zip", "_2.zip")]
    )
    assert filecmp.cmp(out / name.replace(".zip", "_2.zip"), kept, shallow=False)


async def test_a_copy_that_is_there_already_is_not_made_again(scene: Scene, tmp_path: Path) -> None:
    data, _ = await furnish(scene.node)
    out = tmp_path / "out"
    await scene.restart(replace(EXPORTER, folder=out))
    await write_session(scene.node, data, [1, 2])
    await scene.turn()
    (name,) = scene.waiting
    out.mkdir()
    (out / name).write_bytes((scene.folder / name).read_bytes())
    await scene.turn(0.1)
    assert [file.name for file in out.iterdir()] == [name]


async def test_each_of_two_targets_gets_every_archive(
    scene: Scene, server: RunningNode, tmp_path: Path
) -> None:
    data, _ = await furnish(scene.node)
    out = tmp_path / "out"
    await scene.restart(to(server, folder=out))
    await write_session(scene.node, data, [1])
    await scene.turn()
    assert len(scene.waiting) == 1
    assert (await mirrored(server))[0] == [1]
    out.mkdir()
    await scene.turn()
    assert (scene.waiting, len(list(out.iterdir()))) == ([], 1)


async def test_a_target_that_is_not_wanted_any_more_is_waited_for_no_longer(
    scene: Scene, server: RunningNode, tmp_path: Path
) -> None:
    data, _ = await furnish(scene.node)
    await scene.restart(to(server, folder=tmp_path / "out"))
    await write_session(scene.node, data, [1])
    await scene.turn()
    await scene.restart(to(server))
    await scene.turn()
    assert scene.waiting == []


# ------------------------------------------------------------------ giving up


@pytest.mark.parametrize(("backlog_us", "kept"), [(-1, 4), (2 * HOUR_US, 2), (0, 0)])
async def test_archives_are_kept_for_the_backlog_time(
    backlog_us: int, kept: int, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    data, _ = await furnish(scene.node)
    await scene.restart(replace(EXPORTER, url=NOWHERE, backlog_us=backlog_us))
    for turn in range(4):
        await write_session(scene.node, data, [turn])
        await scene.turn()
    assert len(scene.waiting) == kept
    given_up = [each for each in caplog.messages if "is given up" in each]
    assert len(given_up) == 4 - kept


async def test_the_same_fault_is_logged_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    data, _ = await furnish(scene.node)
    await write_session(scene.node, data, [1])
    await scene.restart(replace(EXPORTER, url=NOWHERE))
    for _ in range(3):
        await scene.turn()
    assert len([each for each in caplog.messages if "Cannot contact node" in each]) == 1


async def test_a_lost_file_has_the_last_group_of_few_rows_again(
    scene: Scene, server: RunningNode
) -> None:
    data, _ = await furnish(scene.node)
    await write_session(scene.node, data, [10, 20, 30])
    await write_session(scene.node, data, [100])
    sources = (replace(EXPORTER.data[0], decimation_factor=4),)
    await scene.restart(to(server, url=NOWHERE, data=sources))
    await scene.turn()
    for file in scene.folder.iterdir():
        file.unlink()
    await scene.restart(to(server, data=sources))
    await scene.turn()
    assert scene.waiting == []
    assert (await mirrored(server))[0] == [20]


async def test_an_exporter_of_joule_1_0_goes_on_where_it_stopped(
    scene: Scene, server: RunningNode
) -> None:
    data, events = await furnish(scene.node)
    await write_session(scene.node, data, [1, 2, 3, 4])
    await scene.node.events.write(events, [Event(time, None) for time in (5, 5, 6)])
    last_run = scene.clock.now_us()
    known = {"exporter": {"": last_run}, "data": {"volts": 3}, "event": {"trips": 6}}
    await scene.node.engine.catalog.set_property(EXPORTERS_1_0, {"daily": known})
    await scene.restart(to(server))
    await scene.turn(0.5)
    assert scene.waiting == []
    with pytest.raises(StreamNotFound):
        await mirrored(server)
    await scene.turn(0.5)
    rows, found = await mirrored(server)
    assert (rows, [event.start_time for event in found]) == ([3, 4], [6])
