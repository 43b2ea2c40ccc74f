"""Plots of event streams as a Lumen server asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.lumen_requests import T0

if TYPE_CHECKING:
    from tests.integration.lumen_requests import Lumen


def test_few_events_are_listed_and_many_are_counted(lumen: Lumen) -> None:
    full = lumen.events(201)
    assert (full["type"], full["count"], len(full["events"])) == ("events", 201, 201)
    starts = [event["start_time"] for event in full["events"]]
    assert starts == sorted(starts)
    assert len({event["id"] for event in full["events"]}) == 201
    assert set(full["events"][0]["content"]) == {"x", "t"}
    assert lumen.events(200, end=T0 + 200 * 10_000)["type"] == "events"
    many = lumen.events(200)
    assert (many["type"], many["count"]) == ("histogram", 201)
    assert sum(bucket["content"]["count"] for bucket in many["events"]) == 201
    assert all({"start_time", "end_time"} <= bucket.keys() for bucket in many["events"])


def test_events_are_filtered_and_no_filter_is_an_empty_one(lumen: Lumen) -> None:
    assert lumen.events(201, filter="[]") == lumen.events(201)
    for text, count in [
        ('[[["x","gt","197"]]]', 3),
        ('[[["x","gt",197]]]', 3),
        ('[[["t","is","n7"]]]', 1),
        ('[[["t","like","n1_"]]]', 10),
        ('[[["x","lt",2]],[["x","gte",200]]]', 3),
    ]:
        assert lumen.events(200, filter=text.replace("%", "%25"))["count"] == count, text


def test_an_event_that_began_before_the_window_is_in_it(lumen: Lumen) -> None:
    found = lumen.events(200, start=T0 + 10_000 + 2000, end=T0 + 20_000)
    assert [event["content"]["x"] for event in found["events"]] == [1]
