"""What a step of a story is, and what is random in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from joule.storage.interfaces import Engine
    from tests.crash.world import World

GRID_US: Final = 1000
"""Rows in order come on a grid; late ones lie between, each write at its own distance."""


class Step(NamedTuple):
    """Something to do with a store, and what it does to the world; it can be done again."""

    name: str
    act: Callable[[Engine], Awaitable[Any]]
    note: Callable[[World, Any], None]


def nothing(_world: World, _result: Any) -> None:
    """Note nothing: the world is as it was."""


class Dice:
    """Chance, and numbers that come only once."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self._salt = 0

    def salt(self) -> int:
        """A number that was not there before."""
        self._salt += 1
        assert self._salt < GRID_US, "a story this long would repeat timestamps"
        return self._salt

    def flag(self, chance: float = 0.5) -> bool:
        """True as often as this."""
        return bool(self.random.random() < chance)
