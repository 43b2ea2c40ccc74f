from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from joule.models.layout import Layout
from joule.storage.embedded.tail import Tail
from joule.storage.interfaces import StreamRef
from joule.storage.stretch import FIRST_ROW, NO_BREAKS, Stretch
from joule.testing.engine_contract.checks import make_rows

STREAM = StreamRef(1, Layout("float64", 60))


def piece(start: int, end: int, *, starts: bool = False) -> Stretch:
    rows = make_rows(STREAM.layout, np.arange(start, end))
    return Stretch(rows, FIRST_ROW if starts else NO_BREAKS)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 7, 30, 31, 100]), st.booleans()), max_size=30),
    st.data(),
)
def test_rows_and_breaks_come_out_as_they_went_in(
    appends: list[tuple[int, bool]], data: st.DataObject
) -> None:
    tail = Tail(STREAM)
    times: list[int] = []
    starts: list[int] = []
    next_time = 0
    for count, flag in appends:
        tail.append(piece(next_time, next_time + count, starts=flag))
        times += range(next_time, next_time + count)
        starts += [next_time] if flag else []
        next_time += count
        if data.draw(st.integers(0, 3)) == 0:
            dropped = data.draw(st.integers(0, len(times)))
            tail.drop_front(dropped)
            times = times[dropped:]
            starts = [time for time in starts if times and time >= times[0]]
    view = tail.view()
    assert view.rows == tail.rows == len(times)
    assert view.first == (times[0] if times else None)
    for _ in range(3 if times else 0):
        low = data.draw(st.integers(0, len(times) - 1))
        high = data.draw(st.integers(low + 1, len(times)))
        part = view.part(low, high)
        found = part.rows["timestamp"]
        assert found.tolist() == times[low:high]
        assert found[part.breaks].tolist() == [s for s in starts if s in times[low:high]]


def test_a_view_stays_what_it_was() -> None:
    tail = Tail(STREAM)
    tail.append(piece(0, 3))
    view = tail.view()
    tail.append(piece(3, 9, starts=True))
    tail.drop_front(2)
    assert view.part(0, 3).rows["timestamp"].tolist() == [0, 1, 2]
    assert tail.view().part(0, 7).rows["timestamp"].tolist() == list(range(2, 9))


def test_large_appends_are_kept_and_small_ones_gathered() -> None:
    tail = Tail(STREAM)
    large = piece(0, 1000)
    tail.append(large)
    assert np.shares_memory(tail.view().part(0, 1000).rows, large.rows)
    for start in range(1000, 2000, 2):
        tail.append(piece(start, start + 2))
    assert len(tail.view().pieces) < 20


def test_what_readers_get_cannot_be_changed() -> None:
    tail = Tail(STREAM)
    tail.append(piece(0, 3))
    assert not tail.view().part(0, 3).rows.flags.writeable
