"""Events of a backup into a node whose store spells contents otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.api import Event, EventStream, TcpNode
from joule.cli.backup_streams import Backup
from joule.cli.ingest import _event_stream
from joule.node import LocalNode
from joule.storage.address import Address
from joule.storage.embedded import EmbeddedEngine
from joule.storage.postgres import PostgresEngine
from joule.testing.node import running_node

if TYPE_CHECKING:
    from pathlib import Path

CONTENTS: list[dict[str, Any]] = [
    {"zero": -0.0, "one": 1.0, "text": "\0 -0.0"},
    {"large": 1e22, "nested": [{"b": -0.0, "a": None}]},
    {"large": 10**22},
    {},
]


async def test_they_are_stored_once_however_often_they_come(
    postgres_address: str, tmp_path: Path
) -> None:
    postgres = PostgresEngine(Address.parse(postgres_address))
    async with (
        EmbeddedEngine(tmp_path / "saved.db") as saved,
        running_node(engine=postgres) as running,
        TcpNode("node", running.url, running.key) as node,
    ):
        source = await LocalNode.open(saved, "source")
        stream = await source.catalog.create_stream(EventStream("trips"), "/lab")
        await source.events.write(stream, [Event(5, None, content) for content in CONTENTS * 2])
        backup = Backup(saved, await saved.catalog.load())
        for _ in range(2):
            for path, model, number in backup.event_streams():
                await _event_stream(node, backup, path, model, number)
            found = await node.event_stream_read("/lab/trips")
            assert [event.content for event in found] == CONTENTS * 2
