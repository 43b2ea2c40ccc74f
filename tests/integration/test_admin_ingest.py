"""``joule admin ingest``: files and backups into the node of this machine, without a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.api import Annotation, DataStream, Element, Event, EventStream
from tests.integration.daemon import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.api import TcpNode

pytestmark = pytest.mark.slow

START = 1_700_000_000_000_000
SECOND = 1_000_000
EVENTS = 12_001
"""More than are read at a time, many of which begin at the same moment."""


def rows(first: int, count: int) -> Any:
    times = START + first * SECOND + 1000 * np.arange(count)
    return np.column_stack([times, np.arange(count), -np.arange(count)])


def events() -> list[Event]:
    return [Event(START + n // 4000, START + 10 + n // 2, {"n": n // 2}) for n in range(EVENTS)]


async def fill(node: TcpNode) -> None:
    elements = [Element("x", "V", scale_factor=2.0), Element("y")]
    await node.data_stream_create(DataStream("volts", "of A", elements=elements), "/lab/meter")
    async with await node.data_write("/lab/meter/volts") as pipe:
        for first in (0, 10, 20):
            await pipe.write(rows(first, 3000))
            await pipe.close_interval()
    note = Annotation("note", START + SECOND, content="text")
    await node.annotation_create(note, "/lab/meter/volts")
    empty = DataStream("empty", datatype="int16", elements=[Element("e")])
    await node.data_stream_create(empty, "/lab")
    await node.event_stream_create(EventStream("trips", event_fields={"n": "numeric"}), "/lab")
    await node.event_stream_write("/lab/trips", events())


async def content(node: TcpNode) -> dict[str, Any]:
    """Everything that a backup should bring."""
    volts = await node.data_stream_get("/lab/meter/volts")
    empty = await node.data_stream_get("/lab/empty")
    trips = [event async for event in node.event_stream_read("/lab/trips")]
    notes = await node.annotation_get(volts)
    array = await node.data_read_array(volts, max_rows=None)
    return {
        "volts": (volts.description, volts.layout, [e.name for e in volts.elements]),
        "scale": [element.scale_factor for element in volts.elements],
        "rows": array.tobytes(),
        "intervals": await node.data_intervals(volts),
        "notes": [(note.title, note.start, note.end, note.content) for note in notes],
        "empty": empty.layout,
        "trips": sorted(json.dumps([e.start_time, e.end_time, e.content]) for e in trips),
    }


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Daemon]:
    """A second node that runs and has nothing."""
    folder = tmp_path / "other"
    folder.mkdir()
    with Daemon(folder) as made:
        yield made.start()


def ingest(daemon: Daemon, *words: str, answer: str = "") -> str:
    """Run it where nobody has a key; gives output, errors and status."""
    (daemon.folder / "user" / "nodes.json").rename(daemon.folder / "nodes.kept")
    try:
        place = ("--data", str(daemon.data))
        result = daemon.joule("admin", "ingest", *place, *words, answer=answer, timeout_s=60)
    finally:
        (daemon.folder / "nodes.kept").rename(daemon.folder / "user" / "nodes.json")
    return f"{result.stdout}{result.stderr}[{result.returncode}]"


WRITING = """\
Writing Data Stream /lab/empty
{}Writing Data Stream /lab/meter/volts
{}Writing Event Stream /lab/trips
Copying
Checking
[0]"""
CREATING = "\tcreating destination stream\n"


def test_a_backup_brings_what_is_missing_and_nothing_twice(
    daemon: Daemon, other: Daemon, tmp_path: Path
) -> None:
    file = tmp_path / "saved.db"
    daemon.start().ask(fill)
    whole = daemon.ask(content)
    daemon.joule("admin", "backup", "--data", str(daemon.data), str(file))
    before = file.read_bytes()

    made = ingest(other, str(file))
    assert made == WRITING.format(CREATING, f"{CREATING}\tOK\n")
    assert other.ask(content) == whole
    again = ingest(other, str(file))
    assert again == WRITING.format("", "Nothing to copy, syncing annotations\n")
    assert other.ask(content) == whole

    async def damage(node: TcpNode) -> None:
        times = START + 10 * SECOND + SECOND, START + 20 * SECOND + 500
        await node.data_delete("/lab/meter/volts", *times)
        await node.event_stream_remove("/lab/trips", START + 1, START + 2)
        extra = DataStream("extra", elements=[Element("e")])
        await node.data_stream_create(extra, "/lab")

    other.ask(damage)
    assert other.ask(content) != whole
    assert ingest(other, str(file)) == WRITING.format("", "\tOK\n")
    assert other.ask(content) == whole
    assert other.ask(lambda node: node.data_stream_get("/lab/extra")).name == "extra"
    assert file.read_bytes() == before
    assert not list(other.data.glob("joule-ingest-*"))


def test_files_of_rows_are_stored_as_by_data_ingest(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start().ask(fill)
    names = [str(tmp_path / name) for name in ("rows.h5", "rows.csv")]
    for name in names:
        assert daemon.joule("data", "export", "/lab/meter/volts", name).returncode == 0
    refused = ingest(daemon, "-s", "/files/one", *names)
    assert refused.endswith("Error: --stream is for one file\n[2]")
    for path, name in zip(("/files/h5", "/files/csv"), names, strict=True):
        stored = ingest(daemon, "-s", path, "-t", "float32", name)
        assert stored == f"creating [{path}]\n[0]"

        async def read(node: TcpNode, path: str = path) -> tuple[bytes, list[Any]]:
            array = await node.data_read_array(path, max_rows=None)
            return array.tobytes(), await node.data_intervals(path)

        whole = daemon.ask(content)
        assert daemon.ask(read) == (whole["rows"], whole["intervals"])
    asked = ingest(daemon, names[0], answer="n\n")
    assert asked.startswith("Destination stream: /lab/meter/volts\nThis will remove existing data")
    assert asked.endswith("[y/N]: Cancelled\n[0]")
    assert ingest(daemon, "-y", names[0]) == "Destination stream: /lab/meter/volts\n[0]"


def test_what_cannot_be_stored_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("nothing of use")
    stopped = daemon.joule("admin", "ingest", "--data", str(daemon.data), "-s", "/a/b", str(text))
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert "Error: The node does not answer at [" in stopped.stderr
    daemon.start()
    assert ingest(daemon, "-s", "/a/b", str(text)).endswith("must be hdf5 format\n[1]")
    backup = tmp_path / "saved.db"
    daemon.joule("admin", "backup", "--data", str(daemon.data), str(backup))
    named = ingest(daemon, "-s", "/a/b", str(backup))
    assert named.endswith(f"Error: [{backup}] is a backup: its streams keep their names\n[2]")
    backup.write_bytes(backup.read_bytes()[: 4096 * 3])
    damaged = ingest(daemon, str(backup))
    assert damaged.endswith("[1]")
    assert daemon.ask(lambda node: node.folder_root()).children == []
