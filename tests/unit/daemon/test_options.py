from __future__ import annotations

from pathlib import Path

import pytest

from joule.config.places import default_data_folder
from joule.daemon.options import Options, parse_options, resolve
from joule.errors import ConfigurationError

NONE = Path("/no/such/file")


def main_file(folder: Path, options: str = "") -> Path:
    file = folder / "main.conf"
    file.write_text(f"[Main]\nName = filed\n{options}")
    return file


def test_every_option_is_read() -> None:
    words = ["--config", "c", "--data", "d", "--host", "h", "--port", "0", "--demo"]
    assert parse_options(words) == Options(Path("c"), Path("d"), "h", 0, demo=True)
    assert parse_options([]) == Options()


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_bad_port_is_a_usage_error(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse_options(["--port", port])
    assert "--port" in capsys.readouterr().err


def test_version_names_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parse_options(["--version"])
    assert capsys.readouterr().out.startswith("jouled, version 2.")


def test_without_anything_a_node_of_ones_own_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    config = resolve(Options(), NONE)
    assert config.file is None
    assert config.folders.data == Path("/x/joule")
    assert (config.ip_address, config.port) == ("127.0.0.1", 8088)


def test_the_data_folder_is_in_the_home_folder(own_home: Path) -> None:
    assert default_data_folder() == own_home / ".local" / "share" / "joule"


def test_the_system_file_is_used_only_when_no_option_is_given(tmp_path: Path) -> None:
    file = main_file(tmp_path)
    assert resolve(Options(), file).name == "filed"
    assert resolve(Options(demo=True), file).name == "joule_node"
    assert resolve(Options(port=1), file).name == "joule_node"


def test_a_relative_data_folder_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve(Options(data=Path("d")), NONE).folders.sockets == tmp_path / "d" / "sockets"


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = main_file(tmp_path, "IPAddress=::1\nPort=1\nDataDirectory=/old\n")
    config = resolve(Options(file, Path("/new"), "127.0.0.2", 2), NONE)
    assert (config.ip_address, config.port) == ("127.0.0.2", 2)
    assert config.folders.data == Path("/new")


def test_a_file_without_an_address_means_no_tcp_unless_a_port_is_asked_for(tmp_path: Path) -> None:
    file = main_file(tmp_path)
    assert resolve(Options(file), NONE).ip_address is None
    assert resolve(Options(file, port=5), NONE).ip_address == "127.0.0.1"


def test_a_named_file_must_be_there() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot load file \[/no/such/file\]"):
        resolve(Options(NONE))
