"""When exporters are at work: at their times, over restarts, changes and a store that fails."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from joule.errors import StorageError
from joule.node.archives import Exporters, exporter
from joule.node.archives.marks import ExporterState, ExporterStates
from tests.unit.node.archives.exporting import NOWHERE, mirrored, to
from tests.unit.node.archives.support import EXPORTER, HOUR_US, furnish
from tests.unit.node.support import make_rows, write_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import pytest

    from joule.node import LocalNode
    from joule.testing.clock import FakeClock
    from joule.testing.node import RunningNode
    from tests.unit.node.archives.exporting import Scene
    from tests.unit.node.support import ChosenEngine


async def test_an_archive_is_made_at_once_and_then_when_it_is_time_also_after_a_restart(
    scene: Scene, server: RunningNode
) -> None:
    data, _ = await furnish(scene.node)
    await scene.restart(to(server))
    await write_session(scene.node, data, [1])
    await scene.turn(0)
    await write_session(scene.node, data, [2], gap=100)
    await scene.turn(0.5)
    await scene.restart()
    await scene.turn(0.4)
    assert (await mirrored(server))[0] == [1]
    await scene.turn(0.2)
    assert (await mirrored(server))[0] == [1, 2]


async def test_a_run_that_seems_to_be_in_the_future_delays_nothing(
    scene: Scene, server: RunningNode, clock: FakeClock
) -> None:
    data, _ = await furnish(scene.node)
    await scene.restart(to(server))
    await scene.turn(100)
    await write_session(scene.node, data, [1])
    clock._now_us -= 50 * HOUR_US
    await scene.turn(0)
    assert (await mirrored(server))[0] == [1]


async def test_what_waits_for_long_does_not_become_ever_more_archives(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "_STRETCH", 10)
    data, _ = await furnish(scene.node)
    await scene.restart(replace(EXPORTER, url=NOWHERE, frequency_us=60_000_000))
    for minute in range(200):
        await write_session(scene.node, data, [minute], gap=100)
        await scene.turn(1 / 60)
    assert 10 < len(scene.waiting) < 10 + 10 * math.log(200 / 10) * 1.1


async def test_a_target_is_tried_again_after_waits_that_grow(
    node: LocalNode, clock: FakeClock, tmp_path: Path
) -> None:
    data, _ = await furnish(node)
    await write_session(node, data, [1])
    exporters = Exporters(node, tmp_path / "data", clock)
    waits = []
    async with running(exporters):
        exporters.use([replace(EXPORTER, url=NOWHERE, frequency_us=1000 * HOUR_US)])
        for _ in range(9):
            await until(lambda: clock.waiting)
            ((due_us, _, _),) = [each for each in clock._timers if each[2].call is not None]
            waits.append((due_us - clock.now_us()) / 1e6)
            await clock.advance(waits[-1])
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


async def until(condition: Callable[[], object]) -> None:
    """Wait for the threads of an exporter."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(exporters: Exporters) -> AsyncIterator[None]:
    """Let exporters run."""
    task = asyncio.create_task(exporters.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_exporters_run_until_they_are_cancelled_or_changed(
    node: LocalNode, clock: FakeClock, tmp_path: Path
) -> None:
    data, _ = await furnish(node)
    await write_session(node, data, [1])
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    exporters = Exporters(node, tmp_path / "data", clock)
    conf = replace(EXPORTER, name="../x", folder=first)
    async with running(exporters):
        exporters.use([conf])
        await until(lambda: list(first.glob("*.zip")))
        assert [file.name for file in (tmp_path / "data").iterdir()] == ["exporter-..%2Fx"]
        await write_session(node, data, [2])
        exporters.use([replace(conf, folder=second)])
        await until(lambda: clock.waiting)
        await clock.advance(3601)
        await until(lambda: list(second.glob("*.zip")))
        assert len(list(first.glob("*.zip"))) == 1
        await until(lambda: clock.waiting)
        exporters.use([])
        await until(lambda: not clock.waiting)


async def test_a_store_that_fails_is_tried_again(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, tmp_path: Path
) -> None:
    data, _ = await furnish(node)
    writer = await node.data.open_writer(data)
    await writer.write(make_rows([1]))
    await writer.abort()
    out = tmp_path / "out"
    out.mkdir()
    exporters = Exporters(node, tmp_path / "data", clock)
    engine.chosen.failure = StorageError("no room")
    async with running(exporters):
        exporters.use([replace(EXPORTER, folder=out)])
        await until(lambda: clock.waiting)
        assert list(out.iterdir()) == []
        engine.chosen.failure = None
        await clock.advance(10)
        await until(lambda: list(out.glob("*.zip")))


async def test_a_mistake_in_one_exporter_ends_neither_the_others_nor_the_node(
    node: LocalNode,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data, _ = await furnish(node)
    await write_session(node, data, [1])
    load = ExporterStates.load

    async def loaded(states: ExporterStates, name: str) -> ExporterState:
        if name == "broken":
            raise ZeroDivisionError
        return await load(states, name)

    monkeypatch.setattr(ExporterStates, "load", loaded)
    exporters = Exporters(node, tmp_path / "data", clock)
    conf = replace(EXPORTER, folder=tmp_path)
    async with running(exporters):
        exporters.use([replace(conf, name="broken"), replace(conf, name="sound")])
        await until(lambda: list(tmp_path.glob("*.zip")))
        await until(lambda: "exporter [broken] failed, will try again" in caplog.text)
        monkeypatch.undo()
        await clock.advance(60)
        await until(lambda: len(list(tmp_path.glob("*.zip"))) == 2)
