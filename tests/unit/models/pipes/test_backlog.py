"""The bookkeeping behind a read, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from joule.models.layout import Layout
from joule.models.pipes import backlog as backlog_module
from joule.models.pipes.backlog import Backlog

LAYOUT = Layout("int16", 1)


def packed(first: int, count: int) -> Any:
    out = np.zeros(count, LAYOUT.dtype)
    out["timestamp"] = np.arange(first, first + count)
    return out.view(np.uint8)


class BacklogMachine(RuleBasedStateMachine):
    """A backlog beside two plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(LAYOUT)
        self.next = 1
        self.seen: list[int] = []
        self.unseen: list[int | None] = []  # None is a break

    @rule(count=st.integers(0, 50))
    def append(self, count: int) -> None:
        self.backlog.append(packed(self.next, count))
        self.unseen += range(self.next, self.next + count)
        self.next += count

    @rule()
    def append_break(self) -> None:
        self.backlog.append_break()
        self.unseen.append(None)

    @rule()
    def advance(self) -> None:
        stop = self.unseen.index(None) if None in self.unseen else len(self.unseen)
        at_break = stop < len(self.unseen)
        self.seen += [item for item in self.unseen[:stop] if item is not None]
        self.unseen = self.unseen[stop + 1 :]
        assert self.backlog.advance() is at_break

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def consume(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, len(self.seen)))
        self.backlog.consume(count)
        self.seen = self.seen[count:]

    @invariant()
    def it_is_what_the_lists_say(self) -> None:
        assert self.backlog.seen()["timestamp"].tolist() == self.seen
        assert self.backlog.unconsumed == len(self.seen)
        assert self.backlog.has_news is bool(self.unseen)
        assert self.backlog.has_unseen_rows is any(item is not None for item in self.unseen)
        assert self.backlog.rows == len(self.seen) + len([i for i in self.unseen if i is not None])


TestBacklog = BacklogMachine.TestCase


@pytest.mark.parametrize("held", [0, 1, 10_000])
def test_bytes_are_moved_a_constant_number_of_times(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = 0
    make_room = Backlog._make_room

    def counting(self: Backlog, size: int) -> None:
        nonlocal moved
        before = self._memory, self._start, self._end
        make_room(self, size)
        if (self._memory is not before[0]) or self._start != before[1]:
            moved += before[2] - before[1]

    monkeypatch.setattr(Backlog, "_make_room", counting)
    backlog = Backlog(LAYOUT)
    backlog.append(packed(1, held))
    backlog.advance()
    passed = 50_000
    for number in range(passed // 10):
        backlog.append(packed(number, 10))
        backlog.advance()
        backlog.consume(10)
    assert moved <= 3 * (passed + held) * LAYOUT.row_bytes


def test_memory_of_a_burst_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "_RETAINED_BYTES", 1000)
    backlog = Backlog(LAYOUT)
    backlog.append(packed(1, 1000))
    backlog.advance()
    backlog.consume(1000)
    assert len(backlog._memory) == 0
