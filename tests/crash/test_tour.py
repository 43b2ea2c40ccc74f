"""The tour shows what it promises: each of its parts really changes something in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.story import TOUR, tell
from tests.crash.tally import of_the_device, watch

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_store")]


async def test_everything_comes_up_in_the_tour(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = watch(monkeypatch)
    told = await tell(tmp_path / "joule.db", seed, TOUR)
    assert {name for name, count in tally.items() if not count} == set(), f"SEED={seed}"
    # Between the first step and closing: what the store does by itself, in the midst of work.
    device: Counter[str] = of_the_device(told.calls[told.marks[1] : told.marks[-1]])
    assert set(device) >= {
        "write -wal", "sync -wal", "write file", "truncate file", "sync file", "truncate -wal",
    }  # fmt: skip
