from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from joule.config.main_conf import Folders, MainConfig, Security
from joule.config.places import default_data_folder, find_config, node_url, socket_folder
from joule.errors import ConfigurationError

NONE = Path("/no/such/file")
CONFIG = MainConfig(name="hub", ip_address="127.0.0.1", port=5)
TLS = Security(Path("c"), Path("k"))


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5"),
        ("0.0.0.0", "http://127.0.0.1:5"),
        ("::", "http://[::1]:5"),
        ("fe80::1", "http://[fe80::1]:5"),
        ("localhost", "http://localhost:5"),
        (None, None),
    ],
)
def test_this_host_reaches_a_node_under_a_url(address: str | None, url: str | None) -> None:
    assert node_url(replace(CONFIG, ip_address=address)) == url


def test_a_certificate_is_for_the_address_and_one_of_an_authority_for_the_name() -> None:
    assert node_url(replace(CONFIG, security=TLS)) == "https://127.0.0.1:5"
    vouched = replace(TLS, authority=Path("ca"))
    assert node_url(replace(CONFIG, security=vouched)) == "https://hub:5"


def test_the_default_data_folder_follows_xdg(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_data_folder() == own_home / ".local" / "share" / "joule"
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    assert default_data_folder() == Path("/x/joule")


def test_a_node_is_looked_for_in_file_folder_system_and_home(tmp_path: Path) -> None:
    file = tmp_path / "main.conf"
    file.write_text("[Main]\nName = filed\n")
    assert find_config(file, None, NONE).name == "filed"
    assert find_config(None, Path("/d"), file).folders.data == Path("/d")
    assert find_config(None, None, file).name == "filed"
    assert find_config(None, None, NONE).folders.data == default_data_folder()
    with pytest.raises(ConfigurationError, match="cannot load file"):
        find_config(NONE, None)


def test_only_sockets_whose_paths_are_too_long_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Folders(sockets=Path("/s"))
    assert socket_folder(short) == Path("/s")
    long = Folders(sockets=Path("/" + "x" * 100))
    assert socket_folder(long) == socket_folder(long) != Path("/" + "x" * 100)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert socket_folder(long).parent == tmp_path
