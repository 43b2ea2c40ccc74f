from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from joule.models.layout import Layout, joined
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.rows.batches import (
    BATCH_BYTES_MAX,
    BATCH_BYTES_MIN,
    STREAM_BYTES,
    STREAMS_MAX,
    deal,
)
from joule.storage.postgres.rows.stream_states import StreamState
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.postgres.rows.batches import Batch, Share

LAYOUT = Layout("int64", 3)


def share(stream_id: int, count: int) -> Share:
    """The view of a stream with so many pending rows, in several pieces."""
    state = StreamState(StreamRef(stream_id, LAYOUT))
    rows = make_rows(LAYOUT, range(count))
    for start in range(0, count, 5000):
        state.pending.append(rows[start : start + 5000], starts_interval=start > 0)
    return state, state.pending.view()


def rows_of(batches: list[Batch], stream_id: int) -> Rows:
    views = [view for batch in batches for state, view in batch if state.stream.id == stream_id]
    return joined([piece.rows for view in views for piece in view.pieces])


def cost(batch: Batch) -> int:
    return sum(STREAM_BYTES + view.bytes for _, view in batch)


@settings(deadline=None)
@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=8), st.booleans())
def test_all_rows_are_dealt_in_order_and_once(counts: list[int], may_cut: bool) -> None:
    shares = [share(number, count) for number, count in enumerate(counts)]
    batches = list(deal(shares, 2, may_cut=may_cut))
    for number, count in enumerate(counts):
        assert rows_of(batches, number)["timestamp"].tolist() == list(range(count))
    for batch in batches:
        ids = [state.stream.id for state, _ in batch]
        assert ids == sorted(set(ids)), "each stream once in a transaction"
    for one, other in pairwise(batches):
        assert one[-1][0].stream.id <= other[0][0].stream.id


@settings(deadline=None)
@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=5))
def test_transactions_are_neither_large_nor_many(counts: list[int]) -> None:
    shares = [share(number, count) for number, count in enumerate(counts)]
    batches = list(deal(shares, 2, may_cut=True))
    for batch in batches:
        assert cost(batch) <= 2 * BATCH_BYTES_MAX
    for batch in batches[:-1]:
        assert cost(batch) >= BATCH_BYTES_MIN // 2
    for number, count in enumerate(counts):
        parts = [view for batch in batches for state, view in batch if state.stream.id == number]
        assert len(parts) == 1 or min(view.bytes for view in parts) >= BATCH_BYTES_MIN // 8, count


def test_a_stream_is_in_one_transaction_if_it_must_not_be_cut() -> None:
    batches = list(deal([share(1, 300_000), share(2, 10)], 2, may_cut=False))
    assert [[state.stream.id for state, _ in batch] for batch in batches] == [[1], [2]]


def test_few_rows_go_in_one_transaction() -> None:
    assert len(list(deal([share(1, 2000), share(2, 2000)], 2, may_cut=True))) == 1


def test_two_sessions_share_the_rows_of_one_stream() -> None:
    one, other = list(deal([share(1, 20_000)], 2, may_cut=True))
    assert np.isclose(cost(one), cost(other), rtol=0.1)


def test_a_transaction_takes_no_more_tables_than_there_are_locks() -> None:
    batches = list(deal([share(number, 1) for number in range(3 * STREAMS_MAX)], 1, may_cut=True))
    assert max(map(len, batches)) <= STREAMS_MAX


def test_nothing_makes_no_transaction() -> None:
    assert list(deal([], 2, may_cut=True)) == []
