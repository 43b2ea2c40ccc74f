"""Command groups that import a command only when it is used.

What the help of a group shows is written next to where its commands live, so that listing them
loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: where it is (``module:attribute``), its line of help, its other names."""

    target: str
    help: str
    aliases: tuple[str, ...] = field(default=())


class LazyGroup(click.Group):
    """A group made of entries; aliases work but are listed only beside their command."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.entries = dict(entries)
        self._names = {alias: name for name, entry in entries.items() for alias in entry.aliases}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names of the commands, aliases left out."""
        return sorted(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name or alias, None when there is none."""
        entry = self.entries.get(self._names.get(cmd_name, cmd_name))
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command from the entries alone, or an option."""
        from click.shell_completion import CompletionItem  # needed when somebody presses Tab

        names = [name for name in sorted(self.entries) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self.entries[name].help) for name in names]
        return found + super(click.Group, self).shell_complete(ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the entries alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _line(self.entries[name])) for name in sorted(self.entries)])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as usual; a bare group is a usage error that shows the help."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)


def _line(entry: Entry) -> str:
    return f"{entry.help} (also: {', '.join(entry.aliases)})" if entry.aliases else entry.help


def lazy_group(
    name: str, text: str, entries: Mapping[str, Entry], cls: type[LazyGroup] = LazyGroup
) -> LazyGroup:
    """Make a group that does nothing itself."""
    return cls(name=name, help=text, entries=entries)
