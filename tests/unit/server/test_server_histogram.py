from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.server.event_data import bucket_edges


@given(st.integers(MIN_TIME, MAX_TIME - 1), st.integers(1, 2**40))
def test_about_a_hundred_buckets_cover_the_range(start: int, length: int) -> None:
    span = Interval(start, min(start + length, MAX_TIME))
    edges = bucket_edges(span)
    assert edges[0] <= span.start < span.end <= edges[-1]
    assert 1 <= len(edges) - 1 <= 101
    assert sorted(set(edges)) == edges


def test_edges_lie_at_multiples_of_the_width() -> None:
    edges = bucket_edges(Interval(1005, 10_905))
    assert edges[:2] == [1000, 1100]
    assert all(edge % 100 == 0 for edge in edges)


def test_all_of_time_has_buckets_too() -> None:
    edges = bucket_edges(Interval(MIN_TIME, MAX_TIME))
    assert (edges[0], edges[-1]) == (MIN_TIME, MAX_TIME)
