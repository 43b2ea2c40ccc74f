"""The saved nodes: what is on disk, and who is the default."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from joule import api
from joule.api.node_files import NodeFiles, config_directory
from joule.errors import ApiError

if TYPE_CHECKING:
    from pathlib import Path


def saved(name: str, url: str = "http://host:8088") -> api.TcpNode:
    node = api.create_tcp_node(url, f"key of {name}", name)
    api.save_node(node)
    return node


def nodes_file() -> Path:
    return NodeFiles().nodes_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_without_nodes_the_error_says_how_to_get_one() -> None:
    with pytest.raises(ApiError) as caught:
        api.get_node()
    assert str(caught.value) == (
        "No nodes available, use [joule admin authorize] or [joule node add]"
    )
    assert api.get_nodes() == []


def test_the_first_saved_node_becomes_the_default() -> None:
    saved("first")
    saved("second")
    assert api.get_node().name == "first"
    assert [node.name for node in api.get_nodes()] == ["first", "second"]


def test_how_patient_a_node_is_can_be_said_when_it_is_got() -> None:
    policy = api.Policy(retries=0, timeout_s=2.5)
    saved("first")
    assert api.get_node(policy=policy).session.policy is policy
    assert api.get_node("first", policy=policy).session.policy is policy
    assert api.create_tcp_node("http://host", "key", policy=policy).session.policy is policy
    assert api.get_node().session.policy == api.Policy()


def test_saving_a_name_again_replaces_the_node_in_its_place() -> None:
    saved("a")
    saved("b")
    saved("a", "https://other")
    assert [(node.name, node.url) for node in api.get_nodes()] == [
        ("a", "https://other"),
        ("b", "http://host:8088"),
    ]


def test_nodes_are_saved_in_the_documented_form() -> None:
    saved("a")
    assert json.loads(nodes_file().read_text()) == [
        {"name": "a", "url": "http://host:8088", "key": "key of a"}
    ]
    assert NodeFiles().default_path.read_text() == "a\n"


def test_files_with_keys_are_for_their_owner_only() -> None:
    saved("a")
    files = NodeFiles()
    assert mode(files.directory) == 0o700
    assert mode(files.nodes_path) == 0o600
    assert mode(files.default_path) == 0o600
    assert sorted(path.name for path in files.directory.iterdir()) == [
        "default_node.txt",
        "nodes.json",
    ]


def test_a_node_that_is_not_saved_is_named_in_the_error() -> None:
    saved("a")
    with pytest.raises(ApiError) as caught:
        api.get_node("x")
    assert str(caught.value) == "Node ['x'] is not available, add it with [joule master add]"


def test_another_node_can_be_made_the_default_by_name_or_object() -> None:
    first, second = saved("a"), saved("b")
    api.set_default_node(second)
    assert api.get_node().name == "b"
    api.set_default_node(first.name)
    assert api.get_node().name == "a"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "Specify a node name, may not be empty"),
        ("x", "Invalid node name, view nodes with [joule node list]"),
    ],
)
def test_only_a_saved_node_can_be_the_default(name: str, text: str) -> None:
    saved("a")
    with pytest.raises(ApiError) as caught:
        api.set_default_node(name)
    assert str(caught.value) == text


def test_deleting_the_default_makes_the_first_remaining_node_the_default() -> None:
    first = saved("a")
    saved("b")
    api.delete_node(first)
    assert api.get_node().name == "b"
    api.delete_node("b")
    assert NodeFiles().default_name() == ""
    assert json.loads(nodes_file().read_text()) == []


def test_deleting_another_node_leaves_the_default() -> None:
    saved("a")
    saved("b")
    api.delete_node("b")
    assert api.get_node().name == "a"


def test_deleting_an_unknown_node_is_an_error() -> None:
    with pytest.raises(ApiError, match=r"^Node \[x\] does not exist$"):
        api.delete_node("x")


@pytest.mark.parametrize("default", ["", "stale\n"])
def test_a_stale_default_becomes_the_first_node(default: str) -> None:
    saved("a")
    NodeFiles().default_path.write_text(default)
    assert api.get_node().name == "a"
    assert NodeFiles().default_path.read_text() == "a\n"


@pytest.mark.parametrize("text", ["{bad", '{"name": "a"}', '[{"name": "a"}]', "[1]", "[[]]"])
def test_a_corrupt_list_is_named_by_every_function(text: str) -> None:
    saved("a")
    nodes_file().write_text(text)
    message = f"Cannot parse [{nodes_file()}], fix syntax or remove it"
    with pytest.raises(ApiError) as caught:
        api.get_node()
    assert str(caught.value) == message
    with pytest.raises(ValueError, match="Cannot parse"):
        api.get_nodes()
    with pytest.raises(ValueError, match="Cannot parse"):
        saved("b")
    assert nodes_file().read_text() == text


def test_not_verifying_a_node_is_remembered() -> None:
    api.save_node(api.TcpNode("a", "https://host", "key", verify=False))
    assert api.get_node("a").to_config().verify is False
    saved("b")
    assert api.get_node("b").to_config().verify is True


def test_the_authority_in_the_folder_is_used_for_saved_nodes() -> None:
    saved("a")
    assert api.get_node().cafile == ""
    (NodeFiles().directory / "ca.crt").write_text("certificate")
    assert api.get_node().cafile == str(NodeFiles().directory / "ca.crt")


def test_a_failed_write_leaves_the_old_list(monkeypatch: pytest.MonkeyPatch) -> None:
    saved("a")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            saved("b")
    files = NodeFiles()
    assert [node.name for node in files.nodes()] == ["a"]
    assert len(list(files.directory.iterdir())) == 2


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"JOULE_USER_CONFIG_DIR": "/conf", "HOME": "/home"}, "/conf"),
        ({"HOME": "/home", "APPDATA": "/data"}, "/home/.joule"),
        ({"APPDATA": "/data"}, "/data/.joule"),
    ],
)
def test_the_folder_is_the_first_that_the_environment_names(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JOULE_USER_CONFIG_DIR", "HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(config_directory()) == expected


def test_without_any_home_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOULE_USER_CONFIG_DIR", "HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ApiError, match="specify JOULE_USER_CONFIG_DIR environment variable"):
        api.get_nodes()


def test_under_sudo_the_files_belong_to_the_calling_user(monkeypatch: pytest.MonkeyPatch) -> None:
    owners: dict[str, tuple[int, int]] = {}

    def chown(path: Path, uid: int, gid: int) -> None:
        owners[path.name] = uid, gid

    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("SUDO_UID", "1001")
    monkeypatch.setenv("SUDO_GID", "1002")
    saved("a")
    assert set(owners.values()) == {(1001, 1002)}
    assert len(owners) == 3  # the folder and both files, before they take their names


def test_a_node_made_from_a_url_uses_the_saved_key_for_it() -> None:
    saved("a", "http://host:8088")
    assert api.Node("http://host:8088/").session.transport.headers == {"X-API-KEY": "key of a"}
    assert api.Node("http://other").session.transport.headers == {}
    assert api.Node("http://host:8088", key="mine").session.transport.headers == {
        "X-API-KEY": "mine"
    }


def test_a_node_can_be_made_where_there_is_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOULE_USER_CONFIG_DIR", "HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    assert api.Node("http://host").session.transport.headers == {}
    assert api.create_tcp_node("http://host", "key").cafile == ""


def test_making_a_node_leaves_nothing_behind() -> None:
    api.Node("http://host")
    api.create_tcp_node("http://host", "key")
    assert not config_directory().exists()


def test_nodes_show_where_they_are() -> None:
    assert repr(api.TcpNode("n", "http://h:8088", "k")) == (
        '<joule.api.node.TcpNode url="http://h:8088">'
    )
    unix = api.UnixNode("n", "/tmp/joule/api")
    assert repr(unix) == '<joule.api.node.UnixNode path="/tmp/joule/api">'
    assert unix.url == "http://joule.localhost"
    assert repr(api.Node()) == '<joule.api.Node url="http://localhost:8088">'
    assert isinstance(unix, api.BaseNode)
