from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from joule.config.main_conf import default_config
from joule.daemon.folders import FolderLock, StartError, make_folders, with_usable_sockets
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_node_of_ones_own_gets_all_its_folders_and_keeps_them_private(tmp_path: Path) -> None:
    folders = default_config(tmp_path / "new" / "data").folders
    make_folders(folders, own=True)
    make_folders(folders, own=True)
    assert sorted(path.name for path in folders.data.iterdir()) == [
        "data_stream_configs",
        "event_stream_configs",
        "module_configs",
        "sockets",
    ]
    assert folders.data.stat().st_mode & 0o777 == 0o700


def test_the_folders_of_a_main_file_are_left_to_the_administrator(tmp_path: Path) -> None:
    folders = default_config(tmp_path / "data").folders
    make_folders(folders, own=False)
    assert [path.name for path in folders.data.iterdir()] == ["sockets"]


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    folders = default_config(tmp_path).folders
    for broken, text in (
        (replace(folders, data=file), f"data folder [{file}] is a file"),
        (replace(folders, sockets=file), f"SocketDirectory [{file}] is a file"),
        (replace(folders, sockets=file / "x"), f"Cannot create SocketDirectory at [{file}/x]"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make_folders(broken, own=True)
        assert str(caught.value) == text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match="is not writable"):
        make_folders(default_config(tmp_path).folders, own=False)


# ------------------------------------------------------------------ sockets


def test_short_socket_paths_stay_where_they_are(tmp_path: Path) -> None:
    folders = default_config(tmp_path / "d").folders
    assert with_usable_sockets(folders) is folders


def test_long_socket_paths_move_to_the_same_short_folder_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folders = default_config(tmp_path / ("x" * 120)).folders
    short = with_usable_sockets(folders).sockets
    assert short.parent == tmp_path
    assert short.stat().st_mode & 0o777 == 0o700
    assert with_usable_sockets(folders).sockets == short
    other = default_config(tmp_path / ("y" * 120)).folders
    assert with_usable_sockets(other).sockets != short


def test_a_runtime_folder_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folders = with_usable_sockets(default_config(tmp_path / ("x" * 120)).folders)
    assert folders.sockets.parent == tmp_path


def test_a_short_folder_that_somebody_else_prepared_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folders = default_config(tmp_path / ("x" * 120)).folders
    short = with_usable_sockets(folders).sockets
    short.rmdir()
    short.symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        with_usable_sockets(folders)


# ------------------------------------------------------------------ lock


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        text = f"jouled is already running with pid {os.getpid()}"
        with pytest.raises(StartError, match=text), FolderLock(tmp_path):
            pass
        assert (tmp_path / "pid").read_text() == f"{os.getpid()}\n"
    with FolderLock(tmp_path):
        pass


def test_the_pid_of_a_killed_daemon_is_no_obstacle_even_when_it_lives_again(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(f"{os.getppid()}\n")
    with FolderLock(tmp_path):
        assert (tmp_path / "pid").read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == []


def test_old_sockets_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / "api"))
    with FolderLock(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["pid", "precious"]
