"""Archives between two real nodes: everything arrives once, whatever happens on the way."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.api import DataStream, Element, Event, EventStream
from joule.errors import StreamNotFound
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from joule.api import TcpNode

pytestmark = pytest.mark.slow

IMPORTER_KEY = "0123456789abcdef0123456789abcdef"
START = 1_700_000_000_000_000
ROWS = 20_000
"""Written in each round, 1 ms apart, every second round after a break."""

EXPORTER = """\
[Main]
name = mirror
[Target]
destination_url = {url}
destination_url_key = {key}
frequency = 1s
backlog = all
retain = all
[DataStream.1]
source_label = volts
path = /meter/volts
[EventStream.1]
source_label = trips
path = /meter/trips
"""

IMPORTER = """\
[Main]
name = mirror
node = source
[DataStream.1]
source_label = volts
path = /copy/volts
[EventStream.1]
source_label = trips
path = /copy/trips
on_conflict = keep_both
"""


class Pair:
    """A node that exports each second, and the one that imports."""

    def __init__(self, folder: Path) -> None:
        for name in ("source", "hub"):
            (folder / name / "exporters").mkdir(parents=True)
            (folder / name / "importers").mkdir()
        self.hub = ConfiguredDaemon(folder / "hub", "hub", self._more(folder / "hub"))
        self.source = ConfiguredDaemon(folder / "source", "source", self._more(folder / "source"))
        (folder / "hub" / "importers" / "mirror.conf").write_text(IMPORTER)
        self.exporter = folder / "source" / "exporters" / "mirror.conf"
        self.exporter.write_text(EXPORTER.format(url=self.hub.url, key=IMPORTER_KEY))
        self.outbox = self.source.data / "exporter_data" / "exporter-mirror"
        self.rounds = 0

    @staticmethod
    def _more(folder: Path) -> str:
        return (
            f"ImporterConfigsDirectory = {folder}/importers\n"
            f"ExporterConfigsDirectory = {folder}/exporters\nImporterKey = {IMPORTER_KEY}\n"
        )

    def write(self) -> None:
        """Store another round of rows and events at the source."""
        self.source.ask(self._write)
        self.rounds += 1

    async def _write(self, node: TcpNode) -> None:
        first = START + self.rounds * ROWS * 1000
        rows = np.empty((ROWS, 3))
        rows[:, 0] = first + np.arange(ROWS) * 1000
        rows[:, 1:] = np.arange(ROWS)[:, None]
        pipe = await node.data_write("/meter/volts", merge_gap=1000 * (self.rounds % 2))
        await pipe.write(rows)
        await pipe.close()
        events = [Event(first + i // 2, None, {"round": self.rounds, "i": i}) for i in range(50)]
        await node.event_stream_write("/meter/trips", events)

    def waiting(self) -> list[str]:
        """The archives that were not delivered yet."""
        return sorted(file.name for file in self.outbox.glob("*.zip"))

    def has_arrived(self) -> bool:
        """Whether the hub has as many rows and events as were written, and nothing waits."""
        return self.hub.ask(self._count) == (self.rounds * ROWS, self.rounds * 50) and (
            not self.waiting()
        )

    @staticmethod
    async def _count(node: TcpNode) -> tuple[int, int]:
        try:
            rows = (await node.data_stream_info("/copy/volts")).rows
            return rows, await node.event_stream_count("/copy/trips")
        except StreamNotFound:
            return -1, -1

    def await_arrival(self) -> None:
        wait_until(self.has_arrived, 60, self.story)

    def story(self) -> str:
        """What is known when something fails."""
        return f"{self.waiting()}\n{self.source.text}\n{self.hub.text}"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    with made.hub, made.source:
        made.hub.start()
        made.source.start()
        wait_for_user(made.hub)
        wait_for_user(made.source)
        made.source.ask(create)
        yield made


def wait_for_user(daemon: ConfiguredDaemon) -> None:
    """Wait until the users file was read."""

    def knows() -> bool:
        status, _ = daemon.request("GET", "/version", headers={"X-API-KEY": daemon.key})
        return status == 200

    wait_until(knows, 30, lambda: daemon.text)


async def create(node: TcpNode) -> None:
    volts = DataStream("volts", datatype="float64", elements=[Element("x"), Element("y")])
    await node.data_stream_create(volts, "/meter")
    await node.event_stream_create(EventStream("trips"), "/meter")


async def everything(node: TcpNode, folder: str) -> tuple[bytes, list[list[int]], list[Any]]:
    """All rows, intervals and events."""
    pipe = await node.data_read(f"{folder}/volts")
    rows = await pipe.read_all()
    intervals = await node.data_intervals(f"{folder}/volts")
    events = await node.event_stream_read(f"{folder}/trips")
    told = [(e.start_time, e.end_time, e.content) for e in events]
    return rows.tobytes(), intervals, told


def lose_nobody(_: Pair) -> None:
    """All is well."""


def stop_the_hub(pair: Pair) -> None:
    """The hub ends as it should, and comes back after archives were made."""
    pair.hub.stop()
    _let_wait(pair)
    pair.hub.start()
    wait_for_user(pair.hub)


def kill_the_hub(pair: Pair) -> None:
    """The hub dies, maybe while it imports."""
    pair.hub.kill()
    _let_wait(pair)
    pair.hub.start()
    wait_for_user(pair.hub)


def restart_the_source(pair: Pair) -> None:
    """The source dies while archives wait; they wait on."""
    pair.hub.stop()
    _let_wait(pair)
    before = pair.waiting()
    pair.source.kill()
    assert set(before) <= set(pair.waiting())
    pair.source.start()
    wait_for_user(pair.source)
    pair.hub.start()
    wait_for_user(pair.hub)


def lose_the_outbox(pair: Pair) -> None:
    """The source is stopped, and what waited is gone when it comes back."""
    pair.hub.stop()
    _let_wait(pair)
    pair.source.stop()
    shutil.rmtree(pair.outbox)
    pair.source.start()
    wait_for_user(pair.source)
    pair.hub.start()
    wait_for_user(pair.hub)


def _let_wait(pair: Pair) -> None:
    pair.write()
    wait_until(pair.waiting, 30, pair.story)


def test_everything_arrives_once_though_nodes_stop_and_die(pair: Pair) -> None:
    steps: list[Callable[[Pair], None]] = [
        lose_nobody,
        stop_the_hub,
        kill_the_hub,
        restart_the_source,
        kill_the_hub,
        lose_the_outbox,
    ]
    for step in steps:
        pair.write()
        step(pair)
        pair.write()
    pair.await_arrival()
    source = pair.source.ask(lambda node: everything(node, "/meter"))
    assert pair.hub.ask(lambda node: everything(node, "/copy")) == source
    assert len(source[1]) > 3
    assert list((pair.hub.data / "importer_data").iterdir()) == []
    assert pair.hub.ask(lambda node: node.event_stream_info("/copy/trips")).event_count == len(
        source[2]
    )


def test_a_hub_that_is_killed_at_any_moment_has_everything_once(pair: Pair) -> None:
    """While large archives come in; the moment is another one each time."""
    for turn in range(5):
        for _ in range(10):
            pair.write()
        time.sleep(0.3 * turn)  # so that another part of the work is cut off
        pair.hub.kill()
        pair.hub.start()
        wait_for_user(pair.hub)
    pair.await_arrival()
    source = pair.source.ask(lambda node: everything(node, "/meter"))
    assert pair.hub.ask(lambda node: everything(node, "/copy")) == source


def test_changed_files_take_effect_without_a_restart(pair: Pair) -> None:
    pair.write()
    pair.await_arrival()
    importer = pair.hub.folder / "importers" / "mirror.conf"
    importer.write_text(IMPORTER.replace("/copy/", "/other/"))
    pair.exporter.write_text("nonsense")
    assert pair.hub.ask(lambda node: node.reload()).faults == ()
    (fault,) = pair.source.ask(lambda node: node.reload()).faults
    assert fault.file == str(pair.exporter)
    pair.write()

    def is_there() -> bool:
        folder = pair.hub.ask(lambda node: node.folder_root())
        return "other" in {child.name for child in folder.children}

    wait_until(is_there, 30, pair.story)
    pair.exporter.unlink()
    assert pair.source.ask(lambda node: node.reload()).faults == ()
