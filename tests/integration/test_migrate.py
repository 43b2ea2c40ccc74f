"""``joule admin migrate`` between real nodes: to PostgreSQL and back, cut short on the way."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest

from joule.api import Annotation, DataStream, Element, Event, EventStream
from joule.wire.json_models import data_stream_to_json
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import wait_until

if TYPE_CHECKING:
    from joule.api import TcpNode
    from tests.integration.daemon import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WIDTHS = {"/site/fast": ("float32", 4), "/site/broken": ("int16", 2), "/site/plain": ("float64", 1)}
EVENTS = "/site/loads"
ROWS = 300_000
CUTS = 3
GROWTH_BYTES = 1_000_000
"""So much is copied before a cut; making the tables takes less."""


async def fill(node: TcpNode) -> None:
    """Write something of everything."""
    for path, (datatype, width) in WIDTHS.items():
        elements = [Element(name=f"e{i}", units="W", index=i) for i in range(width)]
        stream = DataStream(name=path.split("/")[-1], datatype=datatype, elements=elements)
        await node.data_stream_create(stream, "/site")
        step, length = (1000, 900) if datatype == "int16" else (ROWS // 6, ROWS // 6)
        await write(node, path, range(0, ROWS, step), length)
    await node.event_stream_create(EventStream(name="loads"), "/site")
    await write_events(node, range(12_000))
    await node.annotation_create(Annotation(title="here", start=9, content="text"), "/site/fast")


async def write(node: TcpNode, path: str, begins: range, length: int) -> None:
    """Write intervals of ``length`` rows that begin at these rows."""
    pipe = await node.data_write(path)
    for begin in begins:
        times = np.arange(begin, begin + length)[:, None]
        noise = 1 + times**2 % 29_989
        await pipe.write(np.hstack([times * 100, noise + np.arange(WIDTHS[path][1])]))
        await pipe.close_interval()
    await pipe.close()


async def write_events(node: TcpNode, numbers: range) -> None:
    stream = await node.event_stream_get(EVENTS)
    events = [Event(n * 7, None if n % 5 == 0 else n * 7 + 30, {"n": n, "t": "ü"}) for n in numbers]
    await node.event_stream_write(stream, events)


async def everything(node: TcpNode) -> dict[str, Any]:
    """What the node has, in a form that can be compared."""
    found: dict[str, Any] = {"version": (await node.folder_root()).name}
    for path in WIDTHS:
        rows = sha256()
        async with await node.data_read(path) as pipe:
            while await pipe.not_empty():
                block = await pipe.read()
                pipe.consume(len(block))
                rows.update(block.tobytes())
        info = await node.data_stream_info(path)
        found[path] = [
            rows.hexdigest(),
            await node.data_intervals(path),
            (info.rows, info.start, info.end),
            data_stream_to_json(await node.data_stream_get(path)),
        ]
    events = await node.event_stream_read_list(EVENTS, limit=100_000)
    found[EVENTS] = [vars(event) for event in events]
    found["annotations"] = [vars(note) for note in await node.annotation_get("/site/fast")]
    found["masters"] = [master.name for master in await node.master_list()]
    return found


def node_on(folder: Path, database: str | None) -> Daemon:
    """Give a node of this folder, not started, that keeps everything in a database."""
    folder.mkdir()
    return ConfiguredDaemon(folder, "node", f"Database = {database}\n" if database else "")


def migrate(source: str, target: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "joule.cli", "admin", "migrate", "--from", source, "--to", target],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def migrate_in_pieces(source: str, target: str, how: signal.Signals) -> int:
    """Migrate, cut short several times while it copies; gives how often it was."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    draw = random.Random(seed)
    delays_s = [0.0, *(draw.uniform(0, 0.5) for _ in range(CUTS - 1))]
    cuts = sum(is_cut(source, target, how, delay_s) for delay_s in delays_s)
    process = migrate(source, target)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert is_over(output)
    return cuts


def is_cut(source: str, target: str, how: signal.Signals, delay_s: float) -> bool:
    """Migrate and cut that short when something was copied; whether it was not over by then."""
    before = size_bytes(target)
    process = migrate(source, target)
    wait_until(
        lambda: process.poll() is not None or size_bytes(target) > before + GROWTH_BYTES,
        60,
        "nothing is copied",
    )
    time.sleep(delay_s)  # the first time at once, then another moment each time
    process.send_signal(how)
    output, errors = process.communicate(timeout=60)
    if is_over(output):  # a signal that came later may have ended the interpreter on its way out
        return False
    ends = (130, True) if how is signal.SIGINT else (-how, False)
    assert (process.returncode, "continues from there" in errors) == ends, errors
    return True


def is_over(output: str) -> bool:
    """Whether a migration has said that everything is moved."""
    return "moved before" in output or "both ends are the same" in output


def refusal(source: str, target: str) -> str:
    """Migrate what is not migrated; gives the error."""
    process = migrate(source, target)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    return errors


def size_bytes(database: str) -> int:
    """The bytes that a database takes, which may be there or not."""
    if not database.startswith("sqlite"):
        with psycopg.connect(database) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            assert row is not None
            return int(row[0])
    file = Path(database.removeprefix("sqlite:///"))
    return sum(path.stat().st_size for path in file.parent.glob(f"{file.name}*"))


def test_a_node_moves_to_postgresql_and_back(tmp_path: Path, postgres_address: str) -> None:
    with node_on(tmp_path / "first", None) as first:
        first.start()
        first.ask(fill)
        expected = first.ask(everything)
        source = f"sqlite:///{first.data}/joule.db"
        assert "stop joule service" in refusal(source, postgres_address)
        first.stop()

    assert migrate_in_pieces(source, postgres_address, signal.SIGKILL)
    with node_on(tmp_path / "second", postgres_address) as second:
        second.start()
        assert second.ask(everything) == expected
        second.ask(lambda node: write_events(node, range(20_000, 20_100)))
        second.ask(lambda node: write(node, "/site/plain", range(ROWS, ROWS + 10, 10), 10))
        expected = second.ask(everything)
        assert [event["_id"] for event in expected[EVENTS]] == list(range(1, 12_101))
        assert "stop joule service" in refusal(postgres_address, f"sqlite:///{tmp_path}/back.db")
        second.stop()

    back = f"sqlite:///{tmp_path}/back.db"
    assert migrate_in_pieces(postgres_address, back, signal.SIGINT)
    with node_on(tmp_path / "third", back) as third:
        third.start()
        assert third.ask(everything) == expected
        third.stop()


def test_what_cannot_be_moved_is_told(tmp_path: Path, postgres_address: str) -> None:
    nowhere, file = f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/one.db"
    assert "There is nothing at" in refusal(nowhere, postgres_address)
    assert "are the same" in refusal(file, file)
    assert "no node" in refusal(postgres_address, file)
    assert "is not a database" in refusal("mysql://x", file)
