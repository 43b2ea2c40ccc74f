"""Options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

import joule

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def timestamp(_: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Give UNIX us for a time that was typed; what is none ends the command before any contact."""
    if text is None:
        return None
    try:
        return joule.utilities.human_to_timestamp(text)
    except ValueError as error:
        raise click.ClickException(f"invalid {option.name} time: [{text}]") from error


def as_json(command: F) -> F:
    """Add ``--json``: the result for programs, times in UNIX us, names as in the HTTP interface."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def bounds(command: F) -> F:
    """Add ``--start`` and ``--end``: which part of a stream is meant, ``[start, end)``."""
    end = click.option("-e", "--end", callback=timestamp, metavar="TIME", help="End, not included.")
    start = click.option("-s", "--start", callback=timestamp, metavar="TIME", help="Start.")
    return start(end(command))
