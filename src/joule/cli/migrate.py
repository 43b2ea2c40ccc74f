"""``joule admin migrate``: everything a node has stored, moved to another database."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from joule.cli import output
from joule.cli.host import adopt, stopped
from joule.cli.migration_end import End
from joule.cli.progress import Progress, grouped, interruptible
from joule.storage import store_file
from joule.storage.address import Address, is_address
from joule.storage.migration import Migration

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

T = TypeVar("T")

AGAIN: Final = "the same command again continues from there"
DIFFERENCES_SHOWN: Final = 20


@click.command("migrate")
@click.option("--from", "source", metavar="DSN", required=True, help="Where everything is.")
@click.option("--to", "target", metavar="DSN", required=True, help="Where it is to be.")
@click.option(
    "--from-nilmdb", metavar="URL", help="The NilmDB with the rows of --from; none leaves them."
)
@click.option("--to-nilmdb", metavar="URL", help="The NilmDB that the rows are to be in.")
def migrate(source: str, target: str, from_nilmdb: str | None, to_nilmdb: str | None) -> None:
    """Move everything a node has stored to another database.

    DSN is sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE. The node must be
    stopped. What is at --from stays as it is; --to must be empty. When this is interrupted the
    same command goes on where it was. At the end everything is read from both and compared; then
    --to can be the Database setting of the node, and --to-nilmdb its NilmdbUrl.
    """
    if _is_same(source, target):
        raise click.UsageError("--from and --to are the same")
    with stopped(), interruptible(lambda: AGAIN):
        asyncio.run(_migrate(End(source, from_nilmdb), End(target, to_nilmdb)))
    _adopt_files(target)


async def _migrate(source: End, target: End) -> None:
    if not source.exists():
        raise click.ClickException(f"There is nothing at [{source.database}]")
    hidden = await source.check("--from-nilmdb")
    if target.exists():
        await target.check("--to-nilmdb", may_begin=True)
    async with AsyncExitStack() as stack:
        migration = Migration(
            await stack.enter_async_context(source.engine()),
            await stack.enter_async_context(target.engine()),
        )
        if await migration.begin():
            output.line("Was moved before, nothing was done")
            return
        await _watched("Copying", migration, migration.copy)
        differences = await _watched("Comparing", migration, migration.compare)
        if differences:
            raise click.ClickException(_told(differences))
        await migration.complete()
        output.line(f"Moved {grouped(migration.length)} rows and events, both ends are the same")
        if hidden:
            rows = f"{grouped(hidden)} rows in [{source.shown}] itself"
            output.line(f"{rows} were left out: they are older than its NilmdbUrl")


async def _watched(
    label: str,
    migration: Migration,
    work: Callable[[Callable[[int], None]], Coroutine[Any, Any, T]],
) -> T:
    with Progress(label, migration.length) as progress:
        return await work(lambda done: progress.advance(done, done))


def _is_same(source: str, target: str) -> bool:
    if source == target or is_address(source) != is_address(target):
        return source == target
    if is_address(source):
        return Address.parse(source) == Address.parse(target)
    return store_file(source, Path.cwd()).resolve() == store_file(target, Path.cwd()).resolve()


def _adopt_files(database: str) -> None:
    if not is_address(database):
        file = store_file(database, Path.cwd())
        for made in (file, file.with_name(f"{file.name}.lock")):
            adopt(made)


def _told(differences: list[str]) -> str:
    """Give the differences as the text of an error, the first of many."""
    shown = differences[:DIFFERENCES_SHOWN]
    more = len(differences) - len(shown)
    return "\n".join(
        [
            "The destination is not the same as the source:",
            *shown,
            *([f"and {more} more"] if more else []),
            "Erase the destination and begin again",
        ]
    )
