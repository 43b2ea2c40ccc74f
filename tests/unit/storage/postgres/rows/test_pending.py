from __future__ import annotations

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.postgres.rows.pending import JOINED_BYTES_MAX, Pending, View
from joule.storage.stretch import join
from joule.testing.engine_contract.checks import make_rows

LAYOUT = Layout("int16", 1)


def pending(*runs: list[int], starts_interval: bool = False) -> Pending:
    """Rows at these times, with breaks between the runs."""
    made = Pending()
    for number, times in enumerate(runs):
        made.append(make_rows(LAYOUT, times), starts_interval=number > 0 or starts_interval)
    return made


def times_of(view: View) -> list[int]:
    return [time for piece in view.pieces for time in piece.rows["timestamp"].tolist()]


def test_single_rows_are_joined_to_few_pieces_with_their_breaks() -> None:
    made = Pending()
    for time in range(1000):
        made.append(make_rows(LAYOUT, [time]), starts_interval=time % 7 == 0)
    view = made.view()
    assert len(view.pieces) <= 10
    joined = join(view.pieces)
    assert joined.rows["timestamp"].tolist() == list(range(1000))
    assert joined.breaks.tolist() == list(range(0, 1000, 7))
    assert made.bytes == joined.rows.nbytes


def test_large_arrays_are_kept_and_not_copied() -> None:
    made = Pending()
    rows = make_rows(LAYOUT, range(JOINED_BYTES_MAX // LAYOUT.row_bytes))
    made.append(rows, starts_interval=False)
    made.append(make_rows(LAYOUT, [10**9]), starts_interval=False)
    assert np.shares_memory(made.view().pieces[0].rows, rows)


def test_a_view_stays_what_it_was() -> None:
    made = pending([1, 2, 3])
    view = made.view()
    made.append(make_rows(LAYOUT, [4]), starts_interval=True)
    made.drop_until(2)
    assert times_of(view) == [1, 2, 3]
    assert times_of(made.view()) == [3, 4]


def test_rows_given_out_cannot_be_written_to() -> None:
    made = Pending()
    rows = make_rows(LAYOUT, [1])
    made.append(rows, starts_interval=False)
    with pytest.raises(ValueError, match="read-only"):
        made.view().pieces[0].rows["timestamp"] = 5


@pytest.mark.parametrize(("last", "left"), [(0, 6), (1, 5), (3, 3), (15, 2), (25, 0), (99, 0)])
def test_stored_rows_are_forgotten_from_the_front(last: int, left: int) -> None:
    made = pending([1, 2, 3], [11], [21, 22])
    made.drop_until(last)
    assert len(times_of(made.view())) == left
    assert made.bytes == left * LAYOUT.row_bytes


def test_what_is_pending_bounds_what_is_looked_up() -> None:
    assert View().stored_part(ALL_TIME) == ALL_TIME
    view = pending([5, 6]).view()
    assert view.stored_part(Interval(1, 9)) == Interval(1, 5)
    assert view.stored_part(Interval(1, 3)) == Interval(1, 3)
    assert (view.first, view.last, view.rows) == (5, 6, 2)


def test_neighbours_of_a_time_are_found() -> None:
    view = pending([1, 2, 3], [11, 12]).view()
    assert view.last_before(1) is None
    assert view.last_before(11) == 3
    assert view.last_before(99) == 12
    after = view.after(4)
    assert after is not None
    assert (after.first, after.starts_interval) == (11, True)
    after = view.after(12)
    assert after is not None
    assert (after.first, after.starts_interval) == (12, False)
    assert view.after(13) is None
