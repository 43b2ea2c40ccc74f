"""``joule admin upgrade``: the step after which Joule 1.0 cannot take the database back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.host import host_node, inspected, server_of

if TYPE_CHECKING:
    from joule.config.main_conf import MainConfig

EMBEDDED = "nothing to upgrade: the store of this node is a file, which jouled upgrades by itself"
NO_NODE = "there is no node in [{}] yet, start jouled"
QUESTION = (
    "Joule 1.0 keeps the keys of users and nodes in clear text, and this node has left them so "
    "that you can go back to it. From now on [{}] shall keep their SHA-256 alone: everybody's key "
    "stays good here, Joule 1.0 will know none of these any more: {}."
)


@click.command("upgrade")
@click.option("--yes", is_flag=True, help="Do not ask.")
@host_node
def upgrade(yes: bool, config: MainConfig) -> None:
    """Part with Joule 1.0: keep no key in clear text in the database.

    For a node whose PostgreSQL database comes from Joule 1.0. The node may run. There is no way
    back to Joule 1.0 but with new keys; all else stays readable for it.
    """
    server = server_of(config)
    if server is None:
        raise click.ClickException(EMBEDDED)
    condition = asyncio.run(inspected(server))
    if not condition.has_node:
        raise click.ClickException(NO_NODE.format(server))
    names = condition.clear_names
    if not names:
        output.line("No key is in clear text")
        return
    if not yes:
        output.line(QUESTION.format(server, ", ".join(names)))
        if not output.confirm("Continue?"):
            return
    from joule.storage.postgres.inspection import hide_keys

    asyncio.run(hide_keys(server))
    output.line(f"{len(names)} keys replaced by their hashes")
