"""``joule completion``: what a shell needs to complete the commands, by click."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from joule.cli import output

_VARIABLE = "_JOULE_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete the commands, their options and the names of nodes.

    For bash and zsh put eval "$(joule completion bash)" into ~/.bashrc or the same with zsh into
    ~/.zshrc; for fish put the output into ~/.config/fish/completions/joule.fish.
    """
    made = get_completion_class(shell)
    assert made is not None, "click knows these shells"
    output.line(made(ctx.find_root().command, {}, "joule", _VARIABLE).source())
