"""The ``joule`` command itself: its groups, the node it talks to, and how errors end it."""

from __future__ import annotations

from typing import Any

import click

import joule as package
from joule.cli import output
from joule.cli.lazy import Entry, LazyGroup
from joule.errors import JouleError


class Root(LazyGroup):
    """The outermost group: turns errors into ``Error: <text>`` and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except JouleError as error:
            raise click.ClickException(str(error)) from error
        except output.ClosedError:
            output.discard()  # the reader (``| head``) has all it wants: nothing failed
            ctx.exit(0)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        output.line(f"joule, version {package.__version__}")
        ctx.exit()


def _node_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    try:
        nodes = package.api.get_nodes()
    except (JouleError, OSError):
        return []  # whoever presses Tab wants no error
    return [node.name for node in nodes if node.name.startswith(incomplete)]


@click.group(
    cls=Root,
    entries={
        "admin": Entry("joule.cli.admin:group", "Manage the node on this machine."),
        "archive": Entry("joule.cli.archive:group", "Look into archives and import them."),
        "completion": Entry("joule.cli.completion:completion", "Complete commands in your shell."),
        "data": Entry("joule.cli.data:group", "Read, write and remove data."),
        "doctor": Entry("joule.cli.doctor:doctor", "Find out what is wrong with a node here."),
        "event": Entry("joule.cli.event:group", "Manage event streams."),
        "folder": Entry("joule.cli.folder:group", "Manage folders."),
        "follower": Entry("joule.cli.follower:group", "Manage the nodes that a node may control."),
        "master": Entry("joule.cli.master:group", "Manage who may control a node."),
        "module": Entry("joule.cli.module:group", "Look at the modules of a node."),
        "node": Entry("joule.cli.node:group", "Manage the list of nodes you can use."),
        "proxy": Entry("joule.cli.proxy:group", "Look at the proxied sites of a node."),
        "stream": Entry("joule.cli.stream:group", "Manage data streams."),
    },
)
@click.option(
    "-n",
    "--node",
    default="",
    metavar="NODE",
    help="Node to use (see joule node list).",
    shell_complete=_node_names,
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def joule(ctx: click.Context, node: str) -> None:
    """Capture, process, store and share sensor data.

    Times are UNIX microseconds or a date such as "1 hour ago" or "2026-01-02 14:00".
    """
    ctx.obj = node
