from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from joule.api import NodeConfig, create_tcp_node, save_node
from joule.config.folder import read_folder
from joule.config.main_conf import ProxyConf, Security, default_config
from joule.config.module_conf import module_from_conf
from joule.config.stream_conf import data_stream_from_conf
from joule.daemon import greeting
from joule.daemon.authorise import authorise_user, free_name, is_default
from joule.daemon.config_files import ConfigFiles
from joule.daemon.demo import write_demo
from joule.daemon.folders import make_folders
from joule.daemon.main import module_environment, proxies, tls_context
from joule.errors import ConfigurationError
from joule.node import LocalNode
from joule.storage.memory import MemoryEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.config.main_conf import MainConfig

URL = "http://127.0.0.1:8088"


@pytest.fixture
async def node() -> AsyncIterator[LocalNode]:
    async with MemoryEngine() as engine, await LocalNode.open(engine, "mine") as node:
        yield node


@pytest.fixture
def config(tmp_path: Path) -> MainConfig:
    config = default_config(tmp_path / "data")
    make_folders(config.folders, own=True)
    return config


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's list of nodes."""
    monkeypatch.setenv("JOULE_USER_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "alice")
    return tmp_path / "nodes.json"


def entries(file: Path) -> list[tuple[str, str]]:
    return [(entry["name"], entry["url"]) for entry in json.loads(file.read_text())]


def key_in(file: Path) -> str:
    """The key of the first entry."""
    key: str = json.loads(file.read_text())[0]["key"]
    return key


# ------------------------------------------------------------------ the starting user


async def test_the_user_who_starts_a_node_gets_a_key_for_it(node: LocalNode, saved: Path) -> None:
    assert await authorise_user(node, URL) == "mine"
    assert entries(saved) == [("mine", URL)]
    master = node.access.authorise(key_in(saved))
    assert master is not None
    assert (master.name, master.type) == ("alice", "USER")
    assert is_default("mine")


async def test_a_key_that_is_good_is_kept(node: LocalNode, saved: Path) -> None:
    await authorise_user(node, URL)
    before = key_in(saved)
    await authorise_user(node, URL)
    assert key_in(saved) == before
    assert len(node.access.list()) == 1


async def test_a_new_port_is_saved_under_the_same_name_and_key(
    node: LocalNode, saved: Path
) -> None:
    await authorise_user(node, URL)
    key = key_in(saved)
    assert await authorise_user(node, "http://127.0.0.1:9000") == "mine"
    assert entries(saved) == [("mine", "http://127.0.0.1:9000")]
    assert key_in(saved) == key


async def test_another_node_of_the_same_name_is_not_overwritten(
    node: LocalNode, saved: Path
) -> None:
    save_node(create_tcp_node("http://far", "key", "mine"))
    assert await authorise_user(node, URL) == "mine_2"
    assert entries(saved) == [("mine", "http://far"), ("mine_2", URL)]
    assert not is_default("mine_2")


async def test_an_entry_for_this_url_whose_key_is_no_good_is_replaced(
    node: LocalNode, saved: Path
) -> None:
    save_node(create_tcp_node(URL, "old key", "mine"))
    assert await authorise_user(node, URL) == "mine"
    assert node.access.authorise(key_in(saved))


def test_the_first_free_name_is_taken() -> None:
    taken = [NodeConfig("a", "x", "k"), NodeConfig("a_2", "y", "k")]
    assert free_name("a", URL, taken) == "a_3"
    assert free_name("b", URL, taken) == "b"


# ------------------------------------------------------------------ demo


async def test_the_demo_is_made_of_files_that_load(node: LocalNode, config: MainConfig) -> None:
    write_demo(config.folders)
    _, stream_faults = read_folder(config.folders.data_streams, data_stream_from_conf)
    modules, module_faults = read_folder(config.folders.modules, module_from_conf)
    assert (stream_faults, module_faults) == ([], [])
    assert {m.name for m in modules} == {"host-reader", "host-mean", "random-reader", "random-mean"}
    await ConfigFiles(config.folders, node.catalog).load_streams()
    for module in modules:
        for spec in [*module.outputs.values(), *module.inputs.values()]:
            await node.catalog.ensure_data_stream(spec)
    raw, mean = (node.catalog.data_stream(f"/live/host/{name}") for name in ("raw", "mean"))
    assert raw.layout == mean.layout
    assert [e.units for e in raw.elements][:1] == ["%"]


def test_the_demo_leaves_files_alone_that_are_there(config: MainConfig) -> None:
    changed = config.folders.modules / "host_mean.conf"
    changed.write_text("mine")
    write_demo(config.folders)
    write_demo(config.folders)
    assert changed.read_text() == "mine"


def test_the_demo_needs_folders_it_can_write_to(config: MainConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Cannot write"):
        write_demo(replace(config.folders, modules=tmp_path / "none"))


# ------------------------------------------------------------------ loading


async def test_bad_files_are_logged_and_the_others_load(
    node: LocalNode, config: MainConfig, caplog: pytest.LogCaptureFixture
) -> None:
    folder = config.folders.data_streams
    good = "[Main]\nname=a\npath=/x\ndatatype=int16\n[Element1]\nname=e\n"
    (folder / "1.conf").write_text("[Main]\nname=b\n")
    (folder / "2.conf").write_text(good)
    (folder / "3.conf").write_text(good.replace("int16", "int32"))
    event = "[Main]\nname=a\npath=/x\n"
    (config.folders.event_streams / "1.conf").write_text(event)
    await ConfigFiles(config.folders, node.catalog).load_streams()
    assert node.catalog.data_stream("/x/a").is_configured
    texts = [record.getMessage() for record in caplog.records]
    assert texts[0].startswith(f"Invalid data stream [{folder}/1.conf]: ")
    assert texts[1].startswith("Invalid layout int32_1 for [a], existing stream has layout int16_1")
    assert texts[2].startswith("cannot create event stream [a], conflicts with existing data")


async def test_a_stream_whose_file_is_gone_stays_but_is_not_configured(
    node: LocalNode, config: MainConfig
) -> None:
    file = config.folders.data_streams / "1.conf"
    file.write_text("[Main]\nname=a\npath=/x\ndatatype=int16\n[Element1]\nname=e\n")
    await ConfigFiles(config.folders, node.catalog).load_streams()
    file.unlink()
    await ConfigFiles(config.folders, node.catalog).load_streams()
    assert not node.catalog.data_stream("/x/a").is_configured


async def test_a_stream_whose_file_becomes_wrong_stays_configured(
    node: LocalNode, config: MainConfig
) -> None:
    file = config.folders.data_streams / "1.conf"
    text = "[Main]\nname=a\npath=/x\ndatatype=int16\nkeep=%s\n[Element1]\nname=e\n"
    file.write_text(text % "all")
    files = ConfigFiles(config.folders, node.catalog)
    await files.load_streams()
    stream = node.catalog.data_stream("/x/a")
    for wrong in ("nonsense", text.replace("int16", "int32") % "1w"):
        file.write_text(wrong)
        await files.load_streams()
        assert (stream.is_configured, stream.keep_us) == (True, -1)
    file.write_text(text % "1w")
    await files.load_streams()
    assert stream.keep_us == 7 * 24 * 3600 * 1_000_000


async def test_modules_with_bad_pipes_keep_their_place(node: LocalNode, config: MainConfig) -> None:
    folder = config.folders.modules
    (folder / "1.conf").write_text("[Main]\nname=a\nexec=x\n")
    (folder / "2.conf").write_text("[Main]\nname=b\nexec_cmd=x\n[Inputs]\ni=bad\n")
    (folder / "3.conf").write_text("[Main]\nname=c\nexec_cmd=x\n")
    modules = await ConfigFiles(config.folders, node.catalog).read_modules()
    assert [(m.name, m.fault is None) for m in modules] == [("b", False), ("c", True)]


# ------------------------------------------------------------------ putting it together


def test_modules_find_the_programs_that_are_installed_beside_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    environment = module_environment(Security(tmp_path, tmp_path, Path("/ca")))
    assert environment["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}/usr/bin"
    assert environment["JOULE_CA_FILE"] == "/ca"
    assert "JOULE_CA_FILE" not in module_environment(None)


def test_a_certificate_that_cannot_be_used_is_a_configuration_error(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("nonsense")
    with pytest.raises(ConfigurationError, match=r"\(\[Security\] Certificate, Key\)"):
        tls_context(Security(file, file))
    assert tls_context(None) is None


def test_proxies_keep_their_numbers(config: MainConfig) -> None:
    (proxy,) = proxies(replace(config, proxies=(ProxyConf(0, "site", "http://a/"),)))
    assert (proxy.id, proxy.name, proxy.target_url) == (0, "site", "http://a/")


def test_the_command_is_named_as_the_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "joule").write_text("#!/bin/sh\n")
    (programs / "joule").chmod(0o755)
    monkeypatch.setattr("sys.executable", str(programs / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert greeting.program() == ".venv/bin/joule"
    monkeypatch.chdir(programs)
    assert greeting.program() == "./joule"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert greeting.program() == str(programs / "joule")
    monkeypatch.setenv("PATH", str(programs))
    assert greeting.program() == "joule"


def test_the_greeting_says_where_everything_is_and_what_to_try(
    config: MainConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    greeting.show(config, URL, "joule -n mine", demo=True)
    text = capsys.readouterr().out
    assert f"{URL} and {config.folders.sockets}/api" in text
    assert str(config.folders.data) in text
    assert text.count("  joule -n mine ") == 3
    greeting.show(config, None, None, demo=False)
    assert "Try" not in capsys.readouterr().out
