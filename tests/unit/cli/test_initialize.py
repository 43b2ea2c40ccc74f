"""``joule admin initialize``: what it makes works, and what is there is left alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from joule.cli.initialize.unit import unit_text
from joule.config.event_stream_conf import event_stream_from_conf
from joule.config.exporter_conf import exporter_from_conf
from joule.config.importer_conf import importer_from_conf
from joule.config.main_conf import read_main_conf
from joule.config.module_conf import module_from_conf
from joule.config.stream_conf import data_stream_from_conf
from joule.config.users_file import user_changes

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Run = Callable[..., Result]

INITIALIZE = ("admin", "initialize", "--no-service")


def places(folder: Path) -> tuple[str, ...]:
    return ("--folder", str(folder / "etc"), "--data", str(folder / "100% data"))


def test_the_main_file_says_what_was_asked_for(run: Run, tmp_path: Path) -> None:
    asked = ("--bind", "::1", "--port", "9000", "--name", "attic", "--generate-user-file")
    result = run(*INITIALIZE, *places(tmp_path), *asked)
    assert result.exit_code == 0
    config = read_main_conf(tmp_path / "etc" / "main.conf")
    assert (config.name, config.ip_address, config.port) == ("attic", "::1", 9000)
    assert config.database is None
    assert config.folders.data == tmp_path / "100% data"
    assert config.folders.modules == tmp_path / "etc" / "module_configs"
    assert config.users_file == tmp_path / "etc" / "users.conf"
    assert user_changes(config.users_file.read_text()) == ([], [])
    assert (tmp_path / "etc" / "main.conf").stat().st_mode & 0o777 == 0o640
    assert config.folders.data.stat().st_mode & 0o777 == 0o700


def test_the_examples_are_good_once_they_are_renamed(run: Run, tmp_path: Path) -> None:
    run(*INITIALIZE, *places(tmp_path))
    found = {file.name: file for file in (tmp_path / "etc").rglob("*.example")}
    module_from_conf(found["module.example"].read_text(), Path("a.conf"))
    data_stream_from_conf(found["data_stream.example"].read_text(), Path("a.conf"))
    event_stream_from_conf(found["event_stream.example"].read_text(), Path("a.conf"))
    importer_from_conf(found["importer.example"].read_text(), Path("a.conf"))
    exporter_from_conf(found["exporter.example"].read_text(), Path("a.conf"))


def test_each_node_has_an_importer_key_of_its_own(run: Run, tmp_path: Path) -> None:
    keys = set()
    for name in ("a", "b"):
        run(*INITIALIZE, *places(tmp_path / name))
        keys.add(read_main_conf(tmp_path / name / "etc" / "main.conf").importer_key)
    assert {len(key or "") for key in keys} == {32}
    assert len(keys) == 2


def test_what_exists_is_kept_and_said_to_be(run: Run, tmp_path: Path) -> None:
    main = tmp_path / "etc" / "main.conf"
    main.parent.mkdir()
    main.write_text("[Main]\nName = mine\n")
    result = run(*INITIALIZE, *places(tmp_path), "--name", "other")
    assert result.exit_code == 0
    assert main.read_text() == "[Main]\nName = mine\n"
    assert f"file {main} [EXISTS]\n" in result.stdout
    assert "was there and is kept" in result.stderr


def test_a_dry_run_shows_everything_and_makes_nothing(run: Run, tmp_path: Path) -> None:
    result = run("admin", "initialize", "--dry-run", *places(tmp_path))
    assert result.exit_code == 0
    assert "user joule [" in result.stdout
    assert "\tKillMode=mixed\n" in result.stdout
    assert "systemctl enable --now joule.service [would be made]" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_postgresql_database_is_stored(run: Run, tmp_path: Path) -> None:
    dsn = "postgresql://me:p%40ss@localhost:5432/joule"
    result = run("admin", "initialize", "--dry-run", *places(tmp_path), "--dsn", dsn)
    assert "cannot start" not in result.stderr
    run(*INITIALIZE, *places(tmp_path), "--dsn", dsn)
    assert read_main_conf(tmp_path / "etc" / "main.conf").database == dsn


def test_what_is_no_database_is_refused_plainly(run: Run, tmp_path: Path) -> None:
    result = run("admin", "initialize", "--dry-run", *places(tmp_path), "--dsn", "nonsense")
    assert "[nonsense] is not a database" in result.stderr
    assert "systemctl enable" not in result.stdout


def test_only_root_makes_a_service(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    result = run("admin", "initialize", *places(tmp_path))
    assert result.exit_code == 1
    assert "Error: run as [sudo joule admin initialize]" in result.stderr


def test_an_address_that_is_none_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    result = run(*INITIALIZE, *places(tmp_path), "--bind", "somewhere")
    assert result.exit_code == 2
    assert "[somewhere] is not an IP address" in result.stderr


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd here")
    unit = tmp_path / "joule.service"
    # "joule" is made by the command: here anybody who exists will do.
    unit.write_text(unit_text(Path("/bin/true"), tmp_path / "main.conf").replace("=joule", "=root"))
    result = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert str(unit) not in result.stderr
    assert "joule.service" not in result.stderr
