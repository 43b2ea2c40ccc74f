from __future__ import annotations

from pathlib import Path

import pytest

from joule.config.event_stream_conf import event_stream_from_conf
from joule.config.folder import read_folder
from joule.config.rules import folder_path, keep_us
from joule.config.stream_conf import data_stream_from_conf
from joule.errors import ConfigurationError

FILE = Path("volts.conf")
MAIN = "[Main]\nname = Volts\npath = /meter/a\ndatatype = FLOAT32\n"
FULL = (
    MAIN
    + """keep = 3d
decimate = no
description = phase A: 100%%
[Element9]
name = rms
units = V
display_type = Discrete
offset = 1.5
default_min = -1
default_max = None
plottable = off
[Element1]
name = peak
discrete = no
"""
)


def test_a_data_stream_file_gives_every_attribute() -> None:
    conf = data_stream_from_conf(FULL, FILE)
    stream = conf.stream
    assert (conf.folder, conf.path) == ("/meter/a", "/meter/a/Volts")
    assert stream.keep_us == 3 * 86400 * 10**6
    assert (stream.datatype, stream.decimate, stream.is_configured) == ("float32", False, True)
    assert stream.description == "phase A: 100%"
    rms = stream.elements[0]
    assert (rms.name, rms.units, rms.display_type, rms.plottable) == ("rms", "V", "discrete", False)
    assert (rms.offset, rms.scale_factor, rms.default_min, rms.default_max) == (1.5, 1.0, -1, None)


def test_elements_keep_the_order_of_the_file_not_of_their_numbers() -> None:
    elements = data_stream_from_conf(FULL, FILE).stream.elements
    assert [(e.index, e.name, e.units) for e in elements] == [(0, "rms", "V"), (1, "peak", None)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[Main]\nname=a\ndatatype=int16\n[Element1]\nname=x", "missing path ([Main] path)"),
        ("[Main]\nname=a/b\n", "invalid name, '\\' not allowed ([Main] name)"),
        ("[Main]\nname=\n", "missing name ([Main] name)"),
        ("[Main]\nname=a\ndatatype=int8", "invalid datatype [int8], choose from"),
        (MAIN, "stream must have at least one element"),
        (MAIN + "keep=3x\n", "invalid time [3x], use a whole number"),
        (MAIN + "keep=0d\n", "([Main] keep)"),
        (MAIN + "decimate=maybe\n", "[maybe] is not yes or no ([Main] decimate)"),
        (MAIN + "[Element1]\nunits=V", "missing name ([Element1] name)"),
        (MAIN + "[Element1]\nname=x\noffset=z", "[z] is not a number ([Element1] offset)"),
        (MAIN + "[Element1]\nname=x\noffset=nan", "not a finite number ([Element1] offset)"),
        (
            MAIN + "[Element1]\nname=x\ndisplay_type=bar",
            "invalid display_type [bar], choose from [discrete, continuous, event] ([Element1])",
        ),
        (
            MAIN + "[Element1]\nname=x\ndefault_min=2\ndefault_max=1",
            "[default_max] must be > [default_min] ([Element1])",
        ),
        (
            MAIN + "[Element1]\nname=x\n[Element2]\nname=x",
            "element names must be unique, [x] is taken ([Element2] name)",
        ),
    ],
)
def test_a_bad_data_stream_is_refused_naming_file_and_option(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        data_stream_from_conf(text, FILE)
    assert str(caught.value).startswith("Invalid data stream [volts.conf]: ")
    assert fault in str(caught.value)


def test_broken_ini_text_is_a_configuration_file_error_naming_the_file() -> None:
    with pytest.raises(ConfigurationError, match=r"^Configuration file error: .*volts\.conf"):
        data_stream_from_conf("[Main]\nname=a\nname=b\n", FILE)


@pytest.mark.parametrize("path", ["/", "/x", "/meters-4/prep-a", "/path  with/ spaces"])
def test_good_folder_paths_are_accepted(path: str) -> None:
    assert folder_path(path) == path


@pytest.mark.parametrize("path", ["", "x", "/x/", "//x", "/a//b", "/a.b", "/a\n"])
def test_bad_folder_paths_are_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid path"):
        folder_path(path)


@pytest.mark.parametrize(
    ("text", "us"),
    [("ALL", -1), ("none", 0), ("1s", 10**6), ("2m", 120 * 10**6), ("1y", 365 * 86400 * 10**6)],
)
def test_keep_is_read_in_microseconds(text: str, us: int) -> None:
    assert keep_us(text) == us


@pytest.mark.parametrize("text", ["", "3", "d", "3 d", "-1d", "1.5h", "3D"])
def test_a_bad_keep_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid time"):
        keep_us(text)


def test_an_event_stream_file_gives_its_fields() -> None:
    text = """[Main]
name = trips
path = /
keep = 1w
[Field1]
name = kind
type = category:["fault", "is open"]
[Field2]
name = Volts
type = Numeric
"""
    conf = event_stream_from_conf(text, FILE)
    assert conf.path == "/trips"
    assert conf.stream.event_fields == {
        "kind": 'category:["fault", "is open"]',
        "Volts": "numeric",
    }
    assert conf.stream.locked


def test_a_bad_field_type_names_its_section() -> None:
    text = "[Main]\nname=a\npath=/x\n[Field1]\nname=k\ntype=category:a,b\n"
    with pytest.raises(ConfigurationError, match=r"Invalid event stream \[.*\(\[Field1\] type\)$"):
        event_stream_from_conf(text, FILE)


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text(FULL)
    (tmp_path / "a.conf").write_text("[Main\n")
    (tmp_path / "c.conf").write_bytes(b"\xff\xfe")
    (tmp_path / "d.conf").mkdir()
    (tmp_path / "e.conf.off").write_text("nonsense")
    values, faults = read_folder(tmp_path, data_stream_from_conf)
    assert [value.stream.name for value in values] == ["Volts"]
    assert [fault.file.name for fault in faults] == ["a.conf", "c.conf", "d.conf"]
    assert faults[0].text.startswith("Configuration file error: ")
    assert faults[1].text.startswith(f"Cannot read file [{tmp_path / 'c.conf'}]")


def test_a_folder_that_does_not_exist_holds_no_files(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "none", data_stream_from_conf) == ([], [])
