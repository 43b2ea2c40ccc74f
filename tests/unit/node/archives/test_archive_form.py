"""The archives that exporters make have the form of Joule 1.0."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from joule.models.events import Event, EventStream
from joule.models.layout import Layout
from joule.utilities.archive_tools import read_metadata
from tests.unit.node.archives.exporting import NOW, filled
from tests.unit.node.archives.joule_1_0 import rows_of
from tests.unit.node.archives.support import (
    furnish,
    json_in,
    names,
)
from tests.unit.node.support import make_stream, write_session

if TYPE_CHECKING:
    from joule.node import LocalNode
    from joule.node.archives.outbox import Outbox


async def test_an_archive_has_the_form_of_joule_1_0(node: LocalNode, outbox: Outbox) -> None:
    layout = Layout("float32", 2)
    stream = await node.catalog.create_stream(make_stream("s", layout), "/a")
    rows = np.zeros(5, layout.dtype)
    rows["timestamp"] = [1, 2, 3, 10, 11]
    rows["data"] = [[t, -t] for t in rows["timestamp"]]
    async with await node.data.open_writer(stream) as writer:
        await writer.write(rows[:3])
        await writer.end_interval()
        await writer.write(rows[3:])
    events = await node.catalog.create_stream(EventStream("e"), "/a")
    await node.events.write(events, [Event(4, 5, {"kind": "a"}), Event(7, None)])

    file = await filled(outbox)

    assert file.name.startswith("ww-data_2023_11_1")
    blocks = [name for name in names(file) if name.startswith("data/") and name[-1] != "/"]
    assert sorted(blocks) == [
        "data/0/data/11.dat",
        "data/0/data/3.dat",
        "data/0/data/4_interval_break.dat",
        "data/0/metadata.json",
    ]
    with zipfile.ZipFile(file) as archive:
        assert rows_of(archive.read("data/0/data/3.dat")) == [(1, 1, -1), (2, 2, -2), (3, 3, -3)]
        assert archive.read("data/0/data/4_interval_break.dat") == b" "
    assert json_in(file, "events/0/data/7.json") == [
        {"id": 1, "event_stream_id": 1, "start_time": 4, "end_time": 5, "content": {"kind": "a"}},
        {"id": 2, "event_stream_id": 1, "start_time": 7, "end_time": None, "content": {}},
    ]
    assert json_in(file, "data/0/metadata.json")["stream_model"]["layout"] == "float32_2"
    assert json_in(file, "events/0/metadata.json")["source_label"] == "trips"
    assert read_metadata(file) == {
        "name": "daily",
        "node": "n",
        "created_at": NOW,
        "version": "1.0.0",
        "magic": "joule-data-archive-bundle",
        "data_streams": [
            {
                "source_label": "volts",
                "stream_path": "/a/s",
                "stream_layout": "float32_2",
                "start_ts": 1,
                "end_ts": 11,
                "row_count": 5,
                "interval_count": 2,
            }
        ],
        "event_streams": [
            {
                "source_label": "trips",
                "stream_path": "/a/e",
                "event_fields": {},
                "start_ts": 4,
                "end_ts": 7,
                "event_count": 2,
            }
        ],
    }


async def test_a_block_has_50000_rows_at_most(node: LocalNode, outbox: Outbox) -> None:
    stream = await node.catalog.create_stream(make_stream("s", Layout("int16", 1)), "/a")
    rows = np.zeros(120_000, Layout("int16", 1).dtype)
    rows["timestamp"] = np.arange(120_000)
    async with await node.data.open_writer(stream) as writer:
        await writer.write(rows)
    file = await filled(outbox)
    with zipfile.ZipFile(file) as archive:
        sizes = [i.file_size for i in archive.infolist() if i.filename.endswith(".dat")]
    assert max(sizes) <= 50_000 * 10 + 200
    assert json_in(file, "metadata.json")["data_streams"][0]["row_count"] == 120_000


async def test_a_block_of_one_row_is_not_forgotten(node: LocalNode, outbox: Outbox) -> None:
    data, _ = await furnish(node)
    await write_session(node, data, [5])
    assert "data/0/data/5.dat" in names(await filled(outbox))


async def test_streams_that_are_empty_or_missing_are_no_fault(
    node: LocalNode, outbox: Outbox
) -> None:
    assert await outbox.fill(NOW) is False
    data, _ = await furnish(node)
    await outbox.fill(NOW)
    assert not outbox.state.waiting
    await write_session(node, data, [5])
    about = json_in(await filled(outbox), "metadata.json")
    assert about["event_streams"][0]["start_ts"] is None
