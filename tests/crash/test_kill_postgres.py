"""The node and its database server end at random moments: what was acknowledged is there, once.

Killed are the node, the server or both, the server with SIGKILL or as ``pg_ctl -m immediate``
does it; a node that lives goes on by itself. The server syncs as it does at home. Meanwhile rows
are copied all the time, and read from the copies. ``COUNT`` sets how many times, ``SEED`` repeats
a run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from joule.testing.postgres import running_server
from joule.wire.routes import Route
from tests.crash.checks import check, check_everything, has_rows
from tests.crash.conftest import scaled
from tests.crash.copies import CopyingDaemon, check_copies
from tests.crash.lives import FILTERED, Lives, settle
from tests.crash.load import FAST_ROWS, Load
from tests.integration.configured import KEY
from tests.integration.daemon import wait_until

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

    from joule.testing.postgres import PostgresServer
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

ENDS = scaled(1 / 3, 4)
EVERYTHING_EVERY = 10
MANY_ROWS = 60_000
"""So many at once are stored by several transactions."""

RECOVERY_S = 40
"""A node tries again every ten seconds at last, and has to ask how its last commit ended."""


@pytest.fixture
def server(postgres_binaries: Path) -> Iterator[PostgresServer]:
    """A server that is to be killed."""
    with running_server(postgres_binaries, durable=True) as server:
        yield server


@pytest.fixture
def node(server: PostgresServer, tmp_path: Path) -> Iterator[Daemon]:
    """A node on it, with modules."""
    modules = tmp_path / "data" / "module_configs"
    modules.mkdir(parents=True)
    more = f"Database = {server.address()}\nModuleDirectory = {modules}\n"
    with CopyingDaemon(tmp_path, "node", more) as daemon:
        yield settle(daemon, tmp_path)


class SharedLives(Lives):
    """Lives of a node and of its server."""

    def __init__(self, node: Daemon, server: PostgresServer, seed: int) -> None:
        super().__init__(node, seed)
        self._server = server

    def live(self) -> None:
        """Let both work for a random while, end one or both and have both run again."""
        rows = self._chance.choice([FAST_ROWS, MANY_ROWS])
        work = Load(self.node.url, self.node.key, self.acknowledged, rows)
        work.start()
        time.sleep(self._chance.uniform(0.05, 1.5))
        how = self._chance.choice([self._end_node, self._end_server, self._end_both])
        how()
        if how == self._end_server:  # not everybody has noticed
            time.sleep(self._chance.uniform(0, 1))
            work.stop()
        work.join(60)
        assert not work.is_alive()
        assert work.faults == []
        settle_rows(self.node)

    def _end_node(self) -> None:
        self._kill()
        self.node.start()

    def _end_server(self) -> None:
        self._chance.choice([self._server.kill, self._server.stop_at_once])()
        time.sleep(self._chance.choice([0, self._chance.uniform(0, 3)]))
        self._server.start()

    def _end_both(self) -> None:
        first, second = self._chance.sample([self._kill, self._server.kill], 2)
        first()
        time.sleep(self._chance.uniform(0, 0.5))
        second()
        self._server.start()
        if self._chance.random() < 0.3:
            self._kill_at_the_start()
        self.node.start()


def settle_rows(node: Daemon) -> None:
    """Wait until the node has stored all that it still had in memory."""

    def stored() -> bool:
        try:
            status, _ = node.request("POST", Route.COMMIT, headers={"X-API-KEY": KEY})
        except OSError:
            return False
        return status == 200

    wait_until(stored, RECOVERY_S, lambda: f"nothing is stored any more\n{node.text}")


@pytest.mark.blocks_loop  # the last comparison is of millions of rows in one go
@pytest.mark.timeout(120 + 40 * ENDS)
def test_nothing_acknowledged_is_lost_or_doubled_whichever_of_both_is_killed(
    node: Daemon,
    server: PostgresServer,
    seed: int,
    figures: Counter[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("ERROR", "joule.api")  # it warns of rows that retention will remove
    print(f"SEED={seed}")  # noqa: T201 - shown when it fails
    lives = SharedLives(node, server, seed)
    done = lives.acknowledged
    for number in range(ENDS):
        before = dict(done.rows)
        lives.live()
        check(node, done, before)
        figures["rows in compressed copies after an end"] += check_copies(server.address())
        if number == ENDS - 1 or number % EVERYTHING_EVERY == 0:
            check_everything(node, done)
        figures["ends of a node or its PostgreSQL survived"] += 1
    figures["rows and events that were acknowledged"] += done.total
    assert done.total, "nothing was acknowledged: nothing was tested"
    assert figures["rows in compressed copies after an end"], "nothing was copied"
    wait_until(lambda: node.ask(lambda ours: has_rows(ours, FILTERED)), 20, lambda: node.text)
    lives.check_orphans()
    assert node.stop() == 0
