"""``joule admin initialize`` as root, with the programs of the system it runs on."""

from __future__ import annotations

import grp
from typing import TYPE_CHECKING

import pytest

from tests.integration.daemon import free_port, wait_until
from tests.integration.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    tmp_path.chmod(0o755)
    with Machine(tmp_path) as made:
        yield made


def test_a_service_runs_as_its_own_user_and_its_owner_gets_in(machine: Machine) -> None:
    options = ("--name", "attic", "--port", str(free_port()), "--generate-user-file")
    made = machine.run("joule", "admin", "initialize", *options)
    assert made.returncode == 0, made.stderr
    assert "user joule [OK]" in made.stdout
    assert "[EXISTS]" not in made.stdout.replace("folder /etc", "")
    assert machine.told.read_text() == "daemon-reload\nenable --now joule.service\n"

    entry = machine.shell("getent passwd joule").strip().split(":")
    assert entry[-1] == "/usr/sbin/nologin"
    serial = [group.gr_name for group in grp.getgrall() if group.gr_name == "dialout"]
    assert machine.shell("id -Gn joule").split() == ["joule", *serial]
    modes = machine.shell("stat -c '%a %U %G' /etc/joule/main.conf /etc/joule/users.conf")
    assert modes == "640 root joule\n640 root joule\n"

    def said() -> str:
        return machine.log.read_text()

    # Whether the node has started or not, and whoever makes the store.
    assert machine.run("joule", "admin", "authorize").returncode == 0
    wait_until(lambda: machine.run("joule", "node", "info").returncode == 0, 30, said)
    assert "/var/lib/joule" in machine.run("joule", "node", "info").stdout
    owners = machine.shell("stat -c %U /run/joule/api /var/lib/joule/* /proc/$(pgrep -u joule)")
    assert set(owners.split()) == {"joule"}

    stream = "[Main]\\nname = set\\npath = /made\\ndatatype = int16\\n[Element1]\\nname = x\\n"
    machine.shell(f"printf '{stream}' > /etc/joule/data_stream_configs/set.conf")
    machine.signal("HUP")
    wait_until(lambda: "set" in machine.run("joule", "folder", "list").stdout, 20, said)

    again = machine.run("joule", "admin", "initialize", *options)
    assert again.returncode == 0, again.stderr
    assert "[OK]" not in again.stdout.partition("systemctl")[0]


def test_what_root_does_to_a_stopped_node_does_not_lock_it_out(machine: Machine) -> None:
    options = ("--name", "attic", "--port", str(free_port()))
    assert machine.run("joule", "admin", "initialize", *options).returncode == 0

    def said() -> str:
        return machine.log.read_text()

    def start() -> None:
        machine.run("systemctl", "enable", "--now", "joule.service")
        wait_until(lambda: machine.run("joule", "node", "info").returncode == 0, 30, said)

    def stop() -> None:
        wait_until(lambda: machine.run("pgrep", "-u", "joule").stdout, 20, said)
        machine.signal("TERM")
        wait_until(lambda: not machine.run("pgrep", "-u", "joule").stdout, 20, said)

    stop()
    machine.shell("rm -rf /var/lib/joule/*")
    assert machine.run("joule", "admin", "authorize").returncode == 0
    start()
    stop()
    backup = str(machine.log.with_name("saved.db"))
    for words in (("backup", backup), ("check",), ("erase", "--yes"), ("restore", backup)):
        done = machine.run("joule", "admin", *words)
        assert done.returncode == 0, (words, done.stderr)
        start()
        stop()
    assert "Permission denied" not in said()
