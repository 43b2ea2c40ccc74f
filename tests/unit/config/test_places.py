"""Where a node of this host is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from joule.config.main_conf import Folders, MainConfig, Security, default_config
from joule.config.places import default_data_folder, find_config, node_url, socket_folder
from joule.errors import ConfigurationError


def test_a_named_file_comes_first_then_a_named_folder(tmp_path: Path) -> None:
    file = tmp_path / "main.conf"
    file.write_text("[Main]\nName = named\n")
    assert find_config(file, None).name == "named"
    assert find_config(file, tmp_path / "other").name == "named"
    found = find_config(None, tmp_path / "other", system_file=file)
    assert found.folders.data == tmp_path / "other"


def test_the_file_of_the_system_comes_before_the_users_own_folder(tmp_path: Path) -> None:
    file = tmp_path / "main.conf"
    assert find_config(None, None, system_file=file).folders.data == default_data_folder()
    file.write_text("[Main]\nName = system\n")
    assert find_config(None, None, system_file=file).name == "system"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot load file"):
        find_config(tmp_path / "none.conf", None)


def test_the_users_folder_is_where_the_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_folder() == tmp_path / ".local" / "share" / "joule"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_data_folder() == tmp_path / "data" / "joule"


def test_sockets_of_a_long_path_are_elsewhere_and_always_there(tmp_path: Path) -> None:
    short = Folders(sockets=Path("/tmp/joule"))
    assert socket_folder(short) == Path("/tmp/joule")
    deep = Folders(sockets=Path("/tmp") / ("x" * 100) / "sockets")
    assert socket_folder(deep) == socket_folder(deep) != deep.sockets
    assert len(str(socket_folder(deep))) < 90


def test_the_url_is_how_this_host_reaches_the_node(tmp_path: Path) -> None:
    assert node_url(default_config(tmp_path)) == "http://127.0.0.1:8088"
    assert node_url(MainConfig()) is None
    assert node_url(MainConfig(ip_address="0.0.0.0", port=9)) == "http://127.0.0.1:9"
    assert node_url(MainConfig(ip_address="::", port=9)) == "http://[::1]:9"
    tls = Security(tmp_path / "c", tmp_path / "k")
    assert node_url(MainConfig(ip_address="10.0.0.1", security=tls)) == "https://10.0.0.1:8088"
    named = Security(tmp_path / "c", tmp_path / "k", tmp_path / "ca")
    config = MainConfig(name="hub", ip_address="10.0.0.1", security=named)
    assert node_url(config) == "https://hub:8088"
