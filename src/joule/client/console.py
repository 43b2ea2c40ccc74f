"""The terminal of a module: everything it prints or asks goes through here.

Under a node both streams end up in the module's log.
"""

from __future__ import annotations

import asyncio
import logging
import sys


def say(text: str) -> None:
    """Print a line for the user."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a line beside the data that goes to standard output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


async def confirm(question: str) -> bool:
    """Ask for a yes or no; anything but a yes, and the end of the input, is a no."""
    sys.stdout.write(f"{question} Continue? [y/N]: ")
    sys.stdout.flush()
    answer = await asyncio.to_thread(sys.stdin.readline)
    return answer.strip().lower() in ("y", "yes")


def set_up_logging() -> None:
    """Send warnings and errors to standard error, unless the module has its own arrangement."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
