"""Events are looked up by what tells them apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.models.events import Event, identity

SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, "0", ""])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab0"), inner),
    max_leaves=6,
)
EVENTS = st.builds(
    Event,
    st.integers(0, 1),
    st.none() | st.just(5),
    st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2),
)


@given(EVENTS, EVENTS)
def test_events_share_it_if_they_are_equal_and_only_then(one: Event, other: Event) -> None:
    assert (identity(one) == identity(other)) is (one == other)


@pytest.mark.parametrize("other", [[], {"0": 1}, {}, [[]], None])
def test_containers_are_not_taken_for_each_other(other: Any) -> None:
    one = identity(Event(0, 1, {"a": [1]}))
    assert one != identity(Event(0, 1, {"a": other}))
    assert one == identity(Event(0, 1, {"a": [1]}, id=7))


def test_contents_may_be_nested_deeply() -> None:
    content: dict[str, Any] = {}
    for _ in range(3000):
        content = {"a": content}
    assert len({identity(Event(0, 1, content)), identity(Event(0, 1, {"a": content}))}) == 2
