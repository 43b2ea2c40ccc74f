"""Events through ``joule.api`` and a real ``jouled``, beside the store alone."""

from __future__ import annotations

import asyncio
import statistics
from typing import TYPE_CHECKING

import joule
from bench.data import START_US
from bench.figures import Figure, Stopwatch
from joule.api import Event, EventStream
from joule.models.intervals import ALL_TIME
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import EventQuery
from tests.integration.daemon import Daemon

if TYPE_CHECKING:
    from pathlib import Path

    from joule.api import TcpNode
    from joule.storage.interfaces import EventStore

BATCH = 1000


async def run(folder: Path, count: int, rounds: int) -> list[Figure]:
    """Write and read ``count`` events in either way, turn by turn."""
    watches = {name: Stopwatch() for name in ("write", "read", "store write", "store read")}
    with Daemon(folder) as daemon:
        await asyncio.to_thread(daemon.start)
        async with (
            EmbeddedEngine(folder / "events.db") as engine,
            joule.api.create_tcp_node(daemon.url, daemon.key, "bench") as node,
        ):
            for number in range(1, rounds + 1):
                await _through_the_client(node, number, count, watches)
                await _through_the_store(engine.events, number, count, watches)
    rate = {name: count / statistics.median(watch.times_s) for name, watch in watches.items()}
    return [
        Figure("events", f"write {BATCH} a time", "1/s", rate["write"], rate["store write"]),
        Figure("events", "read all", "1/s", rate["read"], rate["store read"]),
    ]


async def _through_the_client(
    node: TcpNode, number: int, count: int, watches: dict[str, Stopwatch]
) -> None:
    stream = await node.event_stream_create(EventStream(f"events {number}"), "/bench")
    batches = _batches(count)
    for _ in watches["write"].laps(1):
        for batch in batches:
            await node.event_stream_write(stream, batch)
    for _ in watches["read"].laps(1):
        taken = 0
        async for _event in node.event_stream_read(stream):
            taken += 1
    assert taken == count


async def _through_the_store(
    store: EventStore, number: int, count: int, watches: dict[str, Stopwatch]
) -> None:
    batches = _batches(count)
    for _ in watches["store write"].laps(1):
        for batch in batches:
            await store.write(number, batch)
    for _ in watches["store read"].laps(1):
        found = await store.read(number, EventQuery(ALL_TIME))
    assert len(found) == count


def _batches(count: int) -> list[list[Event]]:
    events = [_event(number) for number in range(count)]
    return [events[at : at + BATCH] for at in range(0, count, BATCH)]


def _event(number: int) -> Event:
    content = {"kind": "abc"[number % 3], "value": number * 0.37, "index": number}
    return Event(START_US + number * 1000, START_US + number * 1000 + 500, content)
