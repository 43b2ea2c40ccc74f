"""What can be wrong with the PostgreSQL database of a node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from joule.cli.doctor.finding import fine, note, wrong
from joule.cli.host import inspected
from joule.errors import StorageError, StorageFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.cli.doctor.finding import Finding
    from joule.storage.address import Address
    from joule.storage.postgres.inspection import Condition


def check_server(server: Address, pid: int | None) -> Iterator[Finding]:
    """Connect to the database and see whether it is free, or in use by this very node."""
    try:
        condition = asyncio.run(inspected(server))
    except click.ClickException as error:
        yield wrong("database", error.message, "pip install 'joule[postgres]'")
    except StorageFormatError as error:
        yield wrong("database", str(error), "install a newer Joule")
    except StorageError as error:
        yield wrong("database", str(error), "is PostgreSQL running, and [Main] Database right?")
    else:
        yield _use(server, condition, pid)
        yield from durability(condition)
        yield from _keys(condition)


def _use(server: Address, condition: Condition, pid: int | None) -> Finding:
    if condition.is_in_use and pid is None:
        text = f"[{server}] is in use by a node that is not this one"
        return wrong("database", text, "give each node a database of its own")
    if not condition.has_node:
        return note("database", f"there is no node in [{server}] yet", "start jouled")
    extension = "with TimescaleDB" if condition.has_timescale else "without TimescaleDB"
    return fine("database", f"[{server}] can be read: PostgreSQL {condition.server} {extension}")


def durability(condition: Condition) -> Iterator[Finding]:
    """See whether what is stored survives a power cut."""
    if not condition.is_durable:
        text = "the server may lose stored rows in a power cut"
        yield note("durability", text, "set fsync and full_page_writes to on in postgresql.conf")


def _keys(condition: Condition) -> Iterator[Finding]:
    if condition.clear_names:
        names = ", ".join(condition.clear_names)
        text = f"the database has keys in clear text: {names}"
        yield note("keys", text, "joule admin upgrade, once you have parted with Joule 1.0")
