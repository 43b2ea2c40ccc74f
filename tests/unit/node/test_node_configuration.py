from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.config.pipe_spec import PipeSpec
from joule.errors import ConfigurationError
from joule.models.events import EventStream
from joule.models.streams import DataStream, Element
from tests.unit.node.support import make_stream

if TYPE_CHECKING:
    from joule.node import Catalog
    from joule.testing.clock import FakeClock


def described(**attributes: object) -> DataStream:
    element = Element("rms", "V", display_type="discrete", offset=1.0)
    return DataStream("volts", elements=[element], **attributes)  # type: ignore[arg-type]


# ------------------------------------------------------------------ files


async def test_a_file_creates_its_stream_and_locks_it(catalog: Catalog) -> None:
    stream = await catalog.configure_stream(described(keep_us=9), "/meter/a")
    assert catalog.data_stream("/meter/a/volts") is stream
    assert stream.is_configured
    assert stream.locked
    assert catalog.folder("/meter").locked


async def test_a_file_creates_an_event_stream_and_locks_it(catalog: Catalog) -> None:
    stream = await catalog.configure_stream(EventStream("trips"), "/meter")
    assert catalog.event_stream("/meter/trips") is stream
    assert stream.locked


async def test_a_file_overwrites_what_its_stream_says(catalog: Catalog) -> None:
    made = await catalog.create_stream(described(), "/meter")
    element_id = made.elements[0].id
    wanted = described(keep_us=5, decimate=False, description="phase A")
    wanted.elements[0] = Element("other", "mV", False, "event", default_min=1.0, default_max=2.0)
    found = await catalog.configure_stream(wanted, "/meter")
    assert found is made
    assert (made.keep_us, made.decimate, made.description) == (5, False, "phase A")
    [element] = made.elements
    assert (element.name, element.units, element.plottable) == ("other", "mV", False)
    assert (element.display_type, element.offset) == ("event", 0.0)
    assert (element.id, element.index) == (element_id, 0)


async def test_a_file_that_changes_nothing_does_not_stamp(
    catalog: Catalog, clock: FakeClock
) -> None:
    stream = await catalog.configure_stream(described(), "/meter")
    events = await catalog.configure_stream(EventStream("trips"), "/meter")
    stamps = stream.updated_at, events.updated_at, catalog.root().updated_at
    await clock.advance(5)
    catalog.forget_configured()
    await catalog.configure_stream(described(), "/meter")
    await catalog.configure_stream(EventStream("trips"), "/meter")
    assert (stream.updated_at, events.updated_at, catalog.root().updated_at) == stamps
    await catalog.configure_stream(described(description="new"), "/meter")
    assert stream.updated_at == catalog.root().updated_at != stamps[2]


async def test_a_stream_whose_file_is_gone_is_unlocked_and_stays(catalog: Catalog) -> None:
    stream = await catalog.configure_stream(described(), "/meter")
    events = await catalog.configure_stream(EventStream("trips"), "/meter")
    catalog.forget_configured()
    assert not stream.locked
    assert not events.locked
    assert not catalog.folder("/meter").locked


async def test_a_file_of_another_layout_leaves_the_stream_alone_and_unconfigured(
    catalog: Catalog,
) -> None:
    made = await catalog.create_stream(described(), "/meter")
    wanted = DataStream("volts", datatype="int16", elements=[Element("a"), Element("b")])
    with pytest.raises(ConfigurationError) as caught:
        await catalog.configure_stream(wanted, "/meter")
    assert str(caught.value) == (
        "Invalid layout int16_2 for [volts], existing stream has layout float32_1"
    )
    assert made.layout == "float32_1"
    assert not made.is_configured


async def test_a_file_named_like_a_stream_of_the_other_kind_is_refused(catalog: Catalog) -> None:
    await catalog.create_stream(EventStream("volts"), "/meter")
    with pytest.raises(ConfigurationError) as caught:
        await catalog.configure_stream(described(), "/meter")
    assert str(caught.value) == (
        "cannot create data stream [volts], conflicts with existing event stream"
    )
    await catalog.create_stream(make_stream("trips"), "/meter")
    with pytest.raises(ConfigurationError) as caught:
        await catalog.configure_stream(EventStream("trips"), "/meter")
    assert str(caught.value) == (
        "cannot create event stream [trips], conflicts with existing data stream"
    )


async def test_a_file_that_breaks_a_rule_creates_nothing(catalog: Catalog) -> None:
    with pytest.raises(ConfigurationError, match="at least one element"):
        await catalog.configure_stream(DataStream("x"), "/new")
    with pytest.raises(ConfigurationError, match=r"invalid path \[new/\]"):
        await catalog.configure_stream(described(), "new/")
    assert catalog.root().children == []


# ------------------------------------------------------------------ pipes of modules


async def test_a_pipe_finds_its_stream_with_and_without_an_inline_layout(catalog: Catalog) -> None:
    stream = await catalog.create_stream(
        DataStream("s", elements=[Element("x"), Element("y")]), "/live"
    )
    for text in ("/live/s", "/live/s:float32[x,y]", "/live/s:float32[y, x]"):
        assert await catalog.ensure_data_stream(PipeSpec.parse(text)) is stream


async def test_a_pipe_creates_its_stream_from_the_inline_layout(catalog: Catalog) -> None:
    stream = await catalog.ensure_data_stream(PipeSpec.parse("/live/deep/s:int16[x, y]"))
    assert catalog.path_of(stream) == "/live/deep/s"
    assert (stream.layout, stream.keep_us, stream.decimate) == ("int16_2", -1, True)
    assert [(e.name, e.plottable) for e in stream.elements] == [("x", True), ("y", True)]
    assert not stream.is_configured


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("/live/s:int16[x,y]", "DataStream [/live/s] exists with data_type float32"),
        ("/live/s:float32[x]", "DataStream exists with different elements"),
        ("/live/s:float32[x,z]", "DataStream exists with different elements"),
        ("/live/t", "add inline config or *.conf file for stream [/live/t]"),
        ("/live/e", "cannot create data stream [e], conflicts with existing event stream"),
    ],
)
async def test_a_pipe_that_does_not_fit_is_refused(
    catalog: Catalog, text: str, complaint: str
) -> None:
    elements = [Element("x"), Element("y")]
    await catalog.create_stream(DataStream("s", elements=elements), "/live")
    await catalog.create_stream(EventStream("e"), "/live")
    with pytest.raises(ConfigurationError) as caught:
        await catalog.ensure_data_stream(PipeSpec.parse(text))
    assert str(caught.value) == complaint
    assert len(catalog.data_streams()) == 1
