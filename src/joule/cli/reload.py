"""``joule admin reload``: changed configuration files take effect while the node runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joule.cli import output
from joule.cli.host import host_node, on_host_node

if TYPE_CHECKING:
    from joule.api import Node, ReloadReport
    from joule.config.main_conf import MainConfig


@click.command("reload")
@host_node
def reload(config: MainConfig) -> None:
    """Let the node of this machine read its module and stream files again.

    Modules whose files have not changed go on without a break. A file that cannot be used is named
    with its reason and changes nothing; the exit status is 1 then.
    """
    report = on_host_node(_reload)(config)
    for change in ("added", "changed", "removed"):
        for name in getattr(report, change):
            output.line(f"{change} module {name}")
    for fault in report.faults:
        output.line(f"Not used: {fault.file}\n  {fault.reason}")
    if report.faults:
        raise click.ClickException(f"{len(report.faults)} files cannot be used")
    output.ok()


async def _reload(node: Node) -> ReloadReport:
    return await node.reload()
