"""How long to wait before a node that was lost is tried again, and what is said about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.config.pipe_spec import PipeSpec


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds before the first new attempt; each later wait is twice as long, up to ``max_s``.

    ``confirm_s`` is how often a node is asked what it has stored for certain, ``close_s`` how long
    a stream that is closed may take to deliver the rest.
    """

    first_s: float = 0.5
    max_s: float = 10.0
    confirm_s: float = 1.0
    close_s: float = 1.5


class Contact:
    """Whether a stream of another node can be reached; a change is said in the module's log."""

    def __init__(self, spec: PipeSpec, say: Callable[[str], None], patience: Patience) -> None:
        self._spec = spec
        self._say = say
        self._patience = patience
        self._fault: str | None = None
        self._wait_s = patience.first_s

    async def lost(self, error: Exception) -> None:
        """Say why, unless it is known, and wait."""
        if str(error) != self._fault:
            self._fault = str(error)
            self._say(f"WARNING: remote stream [{self._spec}]: {error}")
        await asyncio.sleep(self._wait_s)
        self._wait_s = min(2 * self._wait_s, self._patience.max_s)

    def made(self) -> None:
        """Say that it is there again."""
        if self._fault is not None:
            self._say(f"remote stream [{self._spec}]: connected")
        self._fault, self._wait_s = None, self._patience.first_s
