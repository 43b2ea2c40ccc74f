"""``joule admin reload``: changed configuration files take effect while the node runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.host import host_node
from joule.config.places import API_SOCKET, socket_folder

if TYPE_CHECKING:
    from joule.api import ReloadReport
    from joule.config.main_conf import MainConfig


@click.command("reload")
@host_node
def reload(config: MainConfig) -> None:
    """Let the node of this machine read its module and stream files again.

    Modules whose files have not changed go on without a break. A file that cannot be used is named
    with its reason and changes nothing; the exit status is 1 then.
    """
    report = asyncio.run(_reload(config))
    for change in ("added", "changed", "removed"):
        for name in getattr(report, change):
            output.line(f"{change} module {name}")
    for fault in report.faults:
        output.line(f"Not used: {fault.file}\n  {fault.reason}")
    if report.faults:
        raise click.ClickException(f"{len(report.faults)} files cannot be used")
    output.ok()


async def _reload(config: MainConfig) -> ReloadReport:
    socket = socket_folder(config.folders) / API_SOCKET
    async with joule.api.UnixNode("local", str(socket)) as node:
        return await node.reload()
