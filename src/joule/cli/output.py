"""Everything the commands print, and what they ask.

Results go to standard output, notes and errors to standard error. Colours are dropped where
nobody sees them. When the reader of standard output has gone (``| head``), :class:`ClosedError`
ends the command.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

ACTIVE = "green"
CONFIGURED = "cyan"
DASH = "\N{EM DASH}"
DOT = "\N{BLACK CIRCLE}"


class ClosedError(Exception):
    """Nobody reads standard output any more."""


@contextlib.contextmanager
def _stdout() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ClosedError from error


def discard() -> None:
    """Let what is still buffered for standard output go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


def line(text: str = "") -> None:
    """Print a line of the result."""
    with _stdout():
        click.echo(text)


def raw(data: bytes) -> None:
    """Print bytes of the result as they are."""
    with _stdout():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def ok() -> None:
    """Say that it is done."""
    line("OK")


def note(text: str) -> None:
    """Print a line beside the result."""
    click.echo(text, err=True)


def fields(pairs: Iterable[tuple[str, object]], *, indent: str = "\t", width: int = 14) -> None:
    """Print labels with their values, one to a line."""
    for label, value in pairs:
        line(f"{indent}{label + ':':<{width}}{value}")


def section(label: str, *values: object) -> None:
    """Print a label, and below it its values, one to a line."""
    line(f"{label}:")
    for value in values:
        line(f"\t{value}")


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, align: str = "left") -> None:
    """Print a table."""
    from tabulate import tabulate  # few commands have one

    line(
        tabulate(list(rows), headers, tablefmt="fancy_grid", disable_numparse=True, stralign=align)
    )


def document(value: Any) -> None:
    """Print a value as JSON: what a table or a page is made of, for programs."""
    line(json.dumps(value, indent=2, ensure_ascii=False))


def dot(colour: str) -> str:
    """Give a coloured dot."""
    return click.style(DOT, fg=colour)


def confirm(question: str) -> bool:
    """Ask ``question [y/N]:``; prints ``Cancelled`` when the answer is no."""
    agreed = click.confirm(question)
    if not agreed:
        line("Cancelled")
    return agreed


@contextlib.contextmanager
def progress(label: str, length: int) -> Iterator[Any]:
    """Show a progress bar on standard error; ``update(n)`` of what it gives moves it on."""
    with click.progressbar(length=max(length, 1), label=label, file=sys.stderr) as bar:
        yield bar


@contextlib.contextmanager
def share(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error; what it gives is told how much of all is done."""
    with progress(label, 100) as bar:
        yield lambda done, total: bar.update(100 * done // max(total, 1) - bar.pos)
