"""kill -9 at random moments under mixed load: what was acknowledged is there, once, in order.

``COUNT`` sets how many times, ``SEED`` repeats a run. The node keeps its data from life to life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule.storage.embedded.checking import check_store
from tests.crash.checks import check, check_everything, has_rows
from tests.crash.conftest import scaled
from tests.crash.lives import FILTERED, Lives, settle
from tests.integration.daemon import wait_until

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

KILLS = scaled(1 / 3, 2)
EVERYTHING_EVERY = 10


@pytest.fixture
def node(daemon: Daemon, tmp_path: Path) -> Daemon:
    """A node with streams to write to, a module that counts and one that follows it."""
    return settle(daemon, tmp_path)


@pytest.mark.blocks_loop  # the last comparison is of millions of rows in one go
@pytest.mark.timeout(90 + 15 * KILLS)
def test_nothing_acknowledged_is_lost_or_doubled_whenever_the_node_is_killed(
    node: Daemon, seed: int, figures: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR", "joule.api")  # it warns of rows that retention will remove
    print(f"SEED={seed}")  # noqa: T201 - shown when it fails
    lives = Lives(node, seed)
    done = lives.acknowledged
    for number in range(KILLS):
        before = dict(done.rows)
        lives.live()
        is_last = number == KILLS - 1
        check(node, done, before)
        if is_last or number % EVERYTHING_EVERY == 0:
            check_everything(node, done)
        figures["kills survived"] += 1
    figures["rows and events that were acknowledged"] += done.total
    assert done.total, "nothing was acknowledged: nothing was tested"
    wait_until(lambda: node.ask(lambda ours: has_rows(ours, FILTERED)), 20, lambda: node.text)
    lives.check_orphans()
    assert node.stop() == 0
    findings: list[Any] = []
    check_store(node.data / "joule.db", findings.append)
    assert findings == []
    figures["bytes of the store"] = (node.data / "joule.db").stat().st_size
