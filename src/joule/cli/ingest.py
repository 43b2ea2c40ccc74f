"""``joule admin ingest``: files of data and backups into the node of this machine."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.backup import checked_copy
from joule.cli.backup_streams import Backup
from joule.cli.data.copy import Request, copy_annotations, copy_stream, destination
from joule.cli.data.ingest import request_for, store, storing
from joule.cli.host import host_node, on_host_node, require_running
from joule.cli.progress import Progress, interruptible
from joule.models.events import identity
from joule.storage import DATABASE_FILE
from joule.storage.embedded import EmbeddedEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import Event, EventStream, Node
    from joule.cli.backup_streams import StoredStream
    from joule.config.main_conf import MainConfig

_SQLITE = b"SQLite format 3\0"


@click.command("ingest")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@storing
@host_node
def ingest(
    files: tuple[Path, ...],
    stream: str | None,
    datatype: str | None,
    columns: dict[str, str],
    yes: bool,
    config: MainConfig,
) -> None:
    """Store FILES in the node of this machine, which must run. No key is needed.

    A file is HDF5 or CSV, as for joule data ingest, or made by joule admin backup: then all its
    streams, rows, events and annotations are stored that the node does not have.
    """
    if stream is not None and len(files) > 1:
        raise click.UsageError("--stream is for one file")
    require_running(config)
    for file in files:
        if _is_store(file):
            if stream or datatype or columns:
                raise click.UsageError(f"[{file}] is a backup: its streams keep their names")
            _ingest_backup(config, file, yes=yes)
            continue
        with request_for(str(file), stream, datatype, columns, yes=yes) as (source, request):
            on_host_node(store)(config, source, request)


def _is_store(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


@dataclass(slots=True)
class _Work:
    """How much of a backup is stored; ``yes`` is not to ask about elements that differ."""

    yes: bool
    done: int = 0


def _ingest_backup(config: MainConfig, file: Path, *, yes: bool) -> None:
    work = _Work(yes)
    text = "{} streams were stored; the same command again continues from there"
    # Reading a store may change it, so it is done from a copy.
    with (
        interruptible(lambda: text.format(work.done)),
        _room(config.folders.data) as folder,
        checked_copy(file, folder / DATABASE_FILE) as copy,
    ):
        on_host_node(_merge)(config, copy, work)


@contextmanager
def _room(data: Path) -> Iterator[Path]:
    """Give a folder beside the node's data, where there has to be room for the rows anyway."""
    place = data if data.is_dir() else None
    try:
        made = tempfile.TemporaryDirectory(prefix="joule-ingest-", dir=place)
    except OSError as error:
        raise click.ClickException(f"[{data}] cannot be written: {error.strerror}") from error
    with made as folder:
        yield Path(folder)


async def _merge(node: Node, copy: Path, work: _Work) -> None:
    async with EmbeddedEngine(copy) as engine:
        backup = Backup(engine, await engine.catalog.load())
        for source in backup.data_streams():
            output.line(f"Writing Data Stream {source.path}")
            await _data_stream(node, source, yes=work.yes)
            work.done += 1
        for path, stream, number in backup.event_streams():
            output.line(f"Writing Event Stream {path}")
            await _event_stream(node, backup, path, stream, number)
            work.done += 1


async def _data_stream(node: Node, source: StoredStream, *, yes: bool) -> None:
    request = Request(
        source.path,
        source.path,
        None,
        None,
        new=False,
        destination_node=None,
        source_url=None,
        yes=yes,
    )
    if await source.intervals(None, None):
        await copy_stream(source, node, request)
    else:
        target = await destination(source, node, request)
        await copy_annotations(source, target, request)


async def _event_stream(
    node: Node, backup: Backup, path: str, stream: EventStream, number: int
) -> None:
    target = await node.event_stream_get(
        path,
        create=True,
        description=stream.description or "",
        event_fields=stream.event_fields,
        chunk_duration_us=stream.chunk_duration_us,
    )
    total = await backup.event_count(number)
    with Progress("Copying events", total, unit="events") as progress:
        async for block in backup.events(number):
            fresh = await _unknown(node, target, block)
            await node.event_stream_write(target, fresh)
            progress.advance(len(fresh), len(block))


async def _unknown(node: Node, target: EventStream, events: list[Event]) -> list[Event]:
    """Give the events that are not stored, each of which stands for one."""
    missing = Counter(map(identity, events))
    begin, end = events[0].start_time, events[-1].start_time + 1
    async for stored in node.event_stream_read(target, begin, end, include_on_going_events=False):
        known = identity(stored)
        if known in missing:
            missing[known] -= 1
    fresh = []
    for event in events:
        wanted = identity(event)
        if missing[wanted] > 0:
            missing[wanted] -= 1
            fresh.append(event)
    return fresh
