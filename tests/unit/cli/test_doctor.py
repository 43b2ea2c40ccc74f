"""``joule doctor``: each thing that can be wrong is found, and what is fine is called so."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from joule.cli.doctor.certificates import check_certificate
from joule.cli.doctor.finding import NOTE, OK, WRONG, Finding
from joule.config.main_conf import Security
from joule.models.layout import Layout
from joule.storage.nilmdb import inspection
from tests.integration.certificates import self_signed, signed
from tests.integration.nilmdb import NilmDB, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A node that was initialized and has not been started; the user has a key for it."""
    monkeypatch.setenv("JOULE_USER_CONFIG_DIR", str(tmp_path / "user"))
    run("node", "add", "mine", "http://127.0.0.1:1", "k" * 32)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    made = run(
        *("admin", "initialize", "--no-service", "--port", port),
        *("--folder", str(tmp_path), "--data", str(tmp_path / "data")),
    )
    assert made.exit_code == 0
    (tmp_path / "data" / "sockets").mkdir()
    return tmp_path


def findings(run: Run, folder: Path) -> list[Finding]:
    result = run("doctor", "--json", "-c", str(folder / "main.conf"))
    found = [Finding(**item) for item in json.loads(result.stdout)]
    wrong = sum(each.state == WRONG for each in found)
    assert result.exit_code == (1 if wrong else 0)
    assert result.stderr == (f"Error: {wrong} problems found\n" if wrong else "")
    return found


def faults(run: Run, folder: Path, check: str) -> list[str]:
    found = [each for each in findings(run, folder) if each.state == WRONG]
    assert all(each.advice for each in found)
    assert {each.check for each in found} <= {check}
    return [each.text for each in found]


def test_a_node_that_was_just_made_is_well(run: Run, folder: Path) -> None:
    states = {each.check: each.state for each in findings(run, folder)}
    assert WRONG not in states.values()
    assert states["configuration"] == states["port"] == states["folders"] == OK
    assert states["daemon"] == states["database"] == NOTE
    shown = run("doctor", "-c", str(folder / "main.conf"))
    assert "│ daemon " in shown.stdout
    assert "-> start jouled" in shown.stdout


def test_a_main_file_with_a_mistake(run: Run, folder: Path) -> None:
    (folder / "main.conf").write_text("[Main]\nIPAddress = nowhere\n")
    assert "IPAddress is invalid" in faults(run, folder, "configuration")[0]


def test_a_main_file_that_is_not_there(run: Run, folder: Path) -> None:
    (folder / "main.conf").unlink()
    assert "Cannot load joule configuration file" in faults(run, folder, "configuration")[0]


def test_a_setting_that_is_no_database(run: Run, folder: Path) -> None:
    text = (folder / "main.conf").read_text()
    (folder / "main.conf").write_text(text.replace("# Database", "Database = nonsense #"))
    assert "is not a database" in faults(run, folder, "configuration")[0]


def test_a_database_server_that_is_not_there(run: Run, folder: Path) -> None:
    text = (folder / "main.conf").read_text()
    setting = "Database = u:p@127.0.0.1:1/d\n#"
    (folder / "main.conf").write_text(text.replace("# Database", setting))
    (text,) = faults(run, folder, "database")
    assert text.startswith("cannot connect to postgresql://u@127.0.0.1:1/d: ")


def test_a_port_that_somebody_has(run: Run, folder: Path) -> None:
    text = (folder / "main.conf").read_text()
    port = int(text.partition("Port = ")[2].split()[0])
    with socket.create_server(("127.0.0.1", port)):
        assert f"127.0.0.1 port {port} cannot be used" in faults(run, folder, "port")[0]


def test_module_files_with_mistakes(run: Run, folder: Path) -> None:
    modules = folder / "module_configs"
    output = "[Outputs]\nout = /a/b:float32[x]\n"
    (modules / "a.conf").write_text("[Main]\nname = one\n")
    (modules / "b.conf").write_text("[Main]\nname = two\nexec_cmd = joule-random-reader\n" + output)
    (modules / "c.conf").write_text("[Main]\nname = two\nexec_cmd = no-such-program\n")
    (modules / "d.conf").write_text("[Main]\nname = four\nexec_cmd = sh /no/file.py\n" + output)
    text = "\n".join(faults(run, folder, "modules"))
    assert "a.conf" in text
    assert "there is no program [no-such-program]" in text
    assert "there is no file [/no/file.py]" in text
    assert "have the same name [two]" in text
    assert f"[{modules}/b.conf], [{modules}/d.conf] have the same output [/a/b]" in text


def test_archive_files_with_mistakes(run: Run, folder: Path) -> None:
    for name in ("a", "b"):
        (folder / "importer_configs" / f"{name}.conf").write_text("[Main]\nname = daily\n")
    (folder / "exporter_configs" / "c.conf").write_text("[Main]\nname = daily\n")
    text = "\n".join(faults(run, folder, "archives"))
    assert "importer_configs/b.conf] have the same name [daily]" in text
    assert "Invalid exporter" in text


def test_importers_without_a_key_for_them_are_noted(run: Run, folder: Path) -> None:
    (folder / "importer_configs" / "a.conf").write_text("[Main]\nname = daily\n")
    assert {each.check: each.state for each in findings(run, folder)}["archives"] == OK
    main = folder / "main.conf"
    main.write_text(main.read_text().replace("ImporterKey", "# ImporterKey"))
    (found,) = [each for each in findings(run, folder) if each.check == "archives"]
    assert (found.state, "no ImporterKey" in found.text) == (NOTE, True)


def test_stream_files_with_mistakes(run: Run, folder: Path) -> None:
    streams = folder / "data_stream_configs"
    good = "[Main]\nname = x\npath = /a\ndatatype = float32\n[Element1]\nname = x\n"
    for name in ("a", "b"):
        (streams / f"{name}.conf").write_text(good)
    (streams / "c.conf").write_text("[Main]\nname = y\n")
    text = "\n".join(faults(run, folder, "streams"))
    assert "have the same path [/a/x]" in text
    assert "c.conf" in text


def test_a_store_that_is_none(run: Run, folder: Path) -> None:
    (folder / "data" / "joule.db").write_bytes(b"something else" * 100)
    assert "is not a Joule store" in faults(run, folder, "database")[0]


def test_a_store_that_somebody_else_holds(run: Run, folder: Path) -> None:
    (folder / "data" / "joule.db").touch()
    with (folder / "data" / "joule.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "held by a process that is not this node" in faults(run, folder, "database")[0]


def test_a_pid_that_a_killed_daemon_left_does_no_harm(run: Run, folder: Path) -> None:
    (folder / "data" / "sockets" / "pid").write_text("99999\n")
    daemon = next(each for each in findings(run, folder) if each.check == "daemon")
    assert daemon.state == NOTE
    assert "was killed" in daemon.text


def test_a_daemon_that_does_not_answer(run: Run, folder: Path) -> None:
    text = (folder / "main.conf").read_text()
    (folder / "main.conf").write_text(text.replace("IPAddress", "# IPAddress"))
    with (folder / "data" / "sockets" / "pid").open("w") as file:
        file.write("12345\n")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "pid 12345 runs and does not answer" in faults(run, folder, "daemon")[0]


def test_keys_that_others_can_read(run: Run, folder: Path) -> None:
    (folder / "user" / "nodes.json").chmod(0o644)
    assert "others may read the keys" in faults(run, folder, "your nodes")[0]


def test_a_list_of_nodes_that_cannot_be_read(run: Run, folder: Path) -> None:
    (folder / "user" / "nodes.json").write_text("[")
    assert "Cannot parse" in faults(run, folder, "your nodes")[0]


def test_a_clock_that_was_set_back(run: Run, folder: Path) -> None:
    store = folder / "data" / "joule.db"
    store.touch()
    os.utime(store, (4e9, 4e9))
    clock = [each for each in findings(run, folder) if each.check == "clock"]
    assert [each.state for each in clock] == [WRONG]


def test_a_full_disk(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=1000))
    assert "1000.0B free" in faults(run, folder, "disk")[0]


def test_certificates(tmp_path: Path) -> None:
    authority, other = self_signed(tmp_path, "authority"), self_signed(tmp_path, "other")
    node = signed(tmp_path, authority)

    def state(key: Path, vouching: Path | None, name: str = "localhost") -> tuple[str, str]:
        security = Security(node.file, key, vouching)
        (found,) = check_certificate(security, name)
        return found.state, found.text

    assert state(node.key, authority.file)[0] == NOTE  # it is good for two days
    assert "is good until" in state(node.key, None)[1]
    assert state(other.key, None)[0] == WRONG
    assert state(node.key, other.file)[0] == WRONG
    assert "Hostname mismatch" in state(node.key, authority.file, "attic")[1]


def test_a_nilmdb_server(run: Run, folder: Path) -> None:
    main = folder / "main.conf"
    text = main.read_text()
    double = NilmDB()
    with serving(double):
        main.write_text(text.replace("# Database", f"NilmdbUrl = {double.url}/\n# Database"))
        double.plant("/joule/3", "int8_1", Layout("int8", 1).empty(), [])
        (found,) = [each for each in findings(run, folder) if each.check == "nilmdb"]
        assert found.state == OK
        assert found.text == f"[{double.url}] answers: NilmDB 2.0.1, the rows of 1 data streams"
        (room,) = [each for each in findings(run, folder) if "free at NilmDB" in each.text]
        assert (room.check, room.state) == ("disk", NOTE)
        double.is_down = True
        assert "does not answer" in faults(run, folder, "nilmdb")[0]
    assert "Connect call failed" in faults(run, folder, "nilmdb")[0]


def test_a_nilmdb_server_that_takes_too_long(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "ANSWER_S", 0.2)
    main = folder / "main.conf"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://me:secret@127.0.0.1:{silent.getsockname()[1]}"
        main.write_text(main.read_text().replace("# Database", f"NilmdbUrl = {url}\n# Database"))
        (text,) = faults(run, folder, "nilmdb")
    assert text == f"NilmDB at [{url.replace(':secret', '')}] does not answer within 0.2 s"
