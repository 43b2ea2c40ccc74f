"""How many crashes there are, with which seed, a store that is soon full, and figures at the end.

``COUNT`` sets how many, ``SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from joule.storage.embedded import chunks, covering, database, tails, write_ahead_log
from tests.integration.conftest import daemon

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joule.testing.faults import Call, Fault

__all__ = ["daemon"]

COUNT = int(os.environ.get("COUNT", "0"))
SEED = int(os.environ.get("SEED", str(random.randrange(10**6))))

_FIGURES = pytest.StashKey[Counter[str]]()


@pytest.fixture
def seed() -> int:
    """What everything random begins with; it is printed at the end."""
    return SEED


def scaled(share: float, least: int) -> int:
    """So many of something for this ``COUNT``."""
    return max(least, round(COUNT * share))


def spread(calls: Sequence[Call], faults: Sequence[Fault], count: int) -> list[tuple[int, Fault]]:
    """Pairs of the number of a call and a fault: all there are if ``count`` allows.

    Else each kind of call has each fault equally often, at calls from beginning to end.
    """
    pairs = [(number, fault) for number in range(len(calls)) for fault in faults]
    if count >= len(pairs):
        return pairs
    kinds = sorted({(calls[number].kind, fault.name) for number, fault in pairs})
    share = max(1, count // len(kinds))
    chosen: list[tuple[int, Fault]] = []
    for kind, name in kinds:
        found = [pair for pair in pairs if (calls[pair[0]].kind, pair[1].name) == (kind, name)]
        chosen += found[:: -(-len(found) // share)]
    return chosen


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Counter[str]:
    """What was done how often, for the summary."""
    return request.config.stash.setdefault(_FIGURES, Counter())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash.get(_FIGURES, None)
    if found:
        terminalreporter.section(f"crashes (SEED={SEED} COUNT={COUNT})")
        for name, count in found.items():
            terminalreporter.write_line(f"{count:>9}  {name}")


@pytest.fixture
def small_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chunks, spans and both logs are soon full, so all seams come up."""
    chunks.chunk_rows.cache_clear()
    monkeypatch.setattr(write_ahead_log, "CHECKPOINT_PAGES", 60)
    monkeypatch.setattr(database, "FREE_PAGES_KEPT", 4)
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(tails, "LOG_BYTES_MAX", 16_384)
    monkeypatch.setattr(tails, "CHUNKS_PER_COMMIT", 2)
    monkeypatch.setattr(chunks, "MERGED_CHUNKS", 4)
    monkeypatch.setattr(covering, "FAN_OUT", 2)
    monkeypatch.setattr(covering, "YOUNG_CHUNKS", 1)
    monkeypatch.setattr(covering, "SPANS_AT_LEAST", 1)
    yield
    chunks.chunk_rows.cache_clear()
