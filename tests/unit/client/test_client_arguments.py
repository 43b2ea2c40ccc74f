"""The command line of a module."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from joule.client.arguments import UNSET, parse
from joule.client.node_pipes import PipeEnd, parse_pipes
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def nothing(parser: argparse.ArgumentParser) -> None:
    """A module without arguments of its own."""


def test_what_only_the_node_sets_is_unset_by_default() -> None:
    args = parse([], nothing)
    assert (args.pipes, args.socket, args.api_socket, args.module_config) == (UNSET,) * 4


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("--module_config", "module_config"),
        ("--module-config", "module_config"),
        ("--data_stream_configs", "data_stream_configs"),
        ("--stream_configs", "data_stream_configs"),
        ("--start_time", "start_time"),
        ("--start", "start_time"),
        ("--end_time", "end_time"),
        ("--end", "end_time"),
        ("--node", "node"),
        ("--url", "url"),
        ("--api-socket", "api_socket"),
    ],
)
def test_both_spellings_of_a_flag_are_understood(flag: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "module.conf"
    file.write_text("[Main]\nname = m\nexec_cmd = m\n")
    assert getattr(parse([flag, str(file)], nothing), name) == str(file)


def test_arguments_of_the_module_file_are_appended(tmp_path: Path) -> None:
    file = tmp_path / "module.conf"
    file.write_text("[Main]\nname = m\nexec_cmd = m\n[Arguments]\nrate = 2.5\nTITLE = a b\n")

    def custom(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, required=True)
        parser.add_argument("--title")

    args = parse(["--module_config", str(file)], custom)
    assert (args.rate, args.title) == (2.5, "a b")


def test_a_module_file_that_cannot_be_used_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing"):
        parse(["--module_config", str(tmp_path / "missing.conf")], nothing)


def test_a_module_may_define_a_flag_that_we_have_too() -> None:
    def custom(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--start", type=int)

    args = parse(["--start", "5", "--start_time", "now"], custom)
    assert (args.start, args.start_time) == (5, "now")


def test_the_description_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    def custom(parser: argparse.ArgumentParser) -> None:
        parser.description = "one\n  two"

    with pytest.raises(SystemExit):
        parse(["--help"], custom)
    assert "one\n  two" in capsys.readouterr().out


ENDS: dict[str, Any] = {
    "outputs": {"out": {"fd": 21, "id": 7, "layout": "float32_2"}},
    "inputs": {"in": {"fd": 5, "id": None, "layout": "int16_1", "more": "is ignored"}},
}


@pytest.mark.parametrize("text", [json.dumps(json.dumps(ENDS)), json.dumps(ENDS)])
def test_pipes_are_read_from_json_encoded_once_or_twice(text: str) -> None:
    ends = parse_pipes(text)
    assert ends.outputs == (PipeEnd("out", 21, 7, "float32_2"),)
    assert ends.inputs == (PipeEnd("in", 5, None, "int16_1"),)


@pytest.mark.parametrize("text", ["", "5", "{}", '"{}"', '{"inputs": 1, "outputs": 2}'])
def test_pipes_that_make_no_sense_are_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid --pipes argument"):
        parse_pipes(text)
