"""Files of exporters and importers."""

from __future__ import annotations

from pathlib import Path

import pytest

from joule.config.exporter_conf import DataSource, EventSource, exporter_from_conf
from joule.config.importer_conf import DataTarget, EventTarget, OnConflict, importer_from_conf
from joule.errors import ConfigurationError

FILE = Path("/etc/x.conf")
HOUR_US = 3_600_000_000

EXPORTER = """\
[Main]
name = daily
[Target]
destination_url = https://hub.example/joule/
destination_url_key = sharedsecret
path = /srv/outbox
frequency = 1h
backlog = 2d
retain = all
[DataStream.1]
source_label = volts
path = /meter/a/Volts
decimation_factor = 4
[EventStream.1]
source_label = trips
path = /meter/a/trips
filter = [[["kind","is","fault"]]]
[Module.1]
source_label = m
module = SomeModule
parameters = free text
"""

IMPORTER = """\
[Main]
name = daily
node = siteA
[DataStream.1]
source_label = volts
path = /mirror/a/Volts
merge_gap = 5s
[EventStream.1]
source_label = trips
path = /mirror/a/trips
on_conflict = keep_both
"""


def test_an_exporter_of_joule_1_0_is_read() -> None:
    conf = exporter_from_conf(EXPORTER, FILE)
    assert (conf.name, conf.frequency_us, conf.backlog_us) == ("daily", HOUR_US, 48 * HOUR_US)
    assert (conf.url, conf.key) == ("https://hub.example/joule", "sharedsecret")
    assert (conf.folder, conf.targets) == (Path("/srv/outbox"), ("node", "folder"))
    assert conf.data == (DataSource("volts", "/meter/a/Volts", 4),)
    assert conf.events == (EventSource("trips", "/meter/a/trips", '[[["kind","is","fault"]]]'),)
    assert conf.has_modules


def test_the_older_names_of_the_url_and_its_key_are_read() -> None:
    text = EXPORTER.replace("destination_url_key", "importer_api_key")
    conf = exporter_from_conf(text.replace("destination_url ", "url "), FILE)
    assert (conf.url, conf.key) == ("https://hub.example/joule", "sharedsecret")


def test_the_same_file_gives_an_equal_exporter() -> None:
    assert exporter_from_conf(EXPORTER, FILE) == exporter_from_conf(EXPORTER, FILE)


def test_a_backlog_may_be_kept_for_ever_or_not_at_all() -> None:
    for text, backlog_us in (("all", -1), ("none", 0)):
        changed = EXPORTER.replace("backlog = 2d", f"backlog = {text}")
        assert exporter_from_conf(changed, FILE).backlog_us == backlog_us


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("name = daily\n", "", "missing name ([Main] name)"),
        ("[Target]", "[Targets]", "missing section [Target]"),
        ("frequency = 1h\n", "", "missing frequency ([Target] frequency)"),
        ("frequency = 1h", "frequency = all", "invalid time [all]"),
        ("backlog = 2d\n", "", "missing backlog ([Target] backlog)"),
        ("retain = all\n", "", "missing retain ([Target] retain)"),
        ("https://", "ftp://", "[ftp://hub.example/joule/] does not begin with http:// or"),
        ("source_label = volts\n", "", "missing source_label ([DataStream.1] source_label)"),
        ("path = /meter/a/Volts\n", "", "missing path ([DataStream.1] path)"),
        ("/meter/a/Volts", "Volts", "invalid path [Volts]"),
        ("decimation_factor = 4", "decimation_factor = 0", "must be a whole number > 0"),
        ("decimation_factor = 4", "decimation_factor = 1000001", "at most 1000000"),
        ("decimation_factor = 4", "decimation_factor = x", "must be a whole number > 0"),
        ('[[["kind","is","fault"]]]', "[[1]]", "invalid filter string"),
    ],
)
def test_a_bad_exporter_is_told_with_file_section_and_option(
    old: str, new: str, fault: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        exporter_from_conf(EXPORTER.replace(old, new), FILE)
    assert str(raised.value).startswith("Invalid exporter [/etc/x.conf]: ")
    assert fault in str(raised.value)


def test_an_exporter_has_to_go_somewhere() -> None:
    text = EXPORTER.replace("path = /srv/outbox\n", "")
    assert exporter_from_conf(text, FILE).targets == ("node",)
    with pytest.raises(ConfigurationError, match="missing destination_url or path"):
        exporter_from_conf(text.replace("destination_url =", "nothing ="), FILE)


def test_an_address_that_is_refused_is_shown_without_its_password() -> None:
    text = EXPORTER.replace("https://hub.example", "htps://me:secret@hub.example")
    with pytest.raises(ConfigurationError) as caught:
        exporter_from_conf(text, FILE)
    assert "[htps://me@hub.example/joule/] does not begin with http" in str(caught.value)


def test_two_streams_of_a_file_cannot_have_one_label() -> None:
    more = "[DataStream.2]\nsource_label = volts\npath = /b/c\n"
    with pytest.raises(ConfigurationError, match=r"\[volts\] is taken \(\[DataStream.2\]"):
        exporter_from_conf(EXPORTER + more, FILE)


def test_an_importer_of_joule_1_0_is_read() -> None:
    conf = importer_from_conf(IMPORTER, FILE)
    assert (conf.name, conf.node) == ("daily", "siteA")
    assert conf.data == (DataTarget("volts", "/mirror/a/Volts", 5_000_000),)
    assert conf.events == (EventTarget("trips", "/mirror/a/trips", OnConflict.KEEP_BOTH),)


def test_an_importer_may_be_for_every_node_and_for_every_gap() -> None:
    text = IMPORTER.replace("node = siteA\n", "").replace("merge_gap = 5s", "merge_gap = all")
    conf = importer_from_conf(text, FILE)
    assert conf.node is None
    assert conf.data[0].merge_gap_us == 2**63 - 1
    bare = importer_from_conf(IMPORTER.replace("merge_gap = 5s\n", ""), FILE)
    assert bare.data[0].merge_gap_us == 0


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("name = daily\n", "", "missing name ([Main] name)"),
        ("source_label = trips\n", "", "missing source_label ([EventStream.1] source_label)"),
        ("on_conflict = keep_both\n", "", "missing on_conflict ([EventStream.1] on_conflict)"),
        ("keep_both", "keep", "invalid on_conflict [keep], choose from [keep_source, "),
        ("5s", "5", "invalid time [5]"),
    ],
)
def test_a_bad_importer_is_told_with_file_section_and_option(
    old: str, new: str, fault: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        importer_from_conf(IMPORTER.replace(old, new), FILE)
    assert str(raised.value).startswith("Invalid importer [/etc/x.conf]: ")
    assert fault in str(raised.value)
