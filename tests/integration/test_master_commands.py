"""``joule master`` and ``joule follower``: ours, and those of Joule 1.0, with real nodes."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.integration.certificates import self_signed, signed
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import wait_until
from tests.integration.lumen import AUTH_KEY, Lumen, lumen_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.certificates import Certificate
    from tests.integration.daemon import Daemon


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfiguredDaemon]:
    """Another node, the future master."""
    made = ConfiguredDaemon(tmp_path_factory.mktemp("second"), "second")
    with made:
        made.start()
        yield made


def run(daemon: Daemon, *words: str, answer: str = "") -> str:
    """Run a command that must succeed; gives what it printed."""
    result = daemon.joule(*words, answer=answer)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(daemon: Daemon, *words: str) -> str:
    """Run a command that must fail; gives the error."""
    result = daemon.joule(*words)
    assert result.returncode == 1, result.stdout
    return result.stderr.strip().splitlines()[-1]


def test_a_user_gets_a_key_and_loses_it(shared: Daemon) -> None:
    name = shared.saved["name"]
    text = run(shared, "master", "add", "user", "alice")
    assert text.startswith(f"Access to node [{name}] granted to user [alice]\nKey:\t")
    key = re.findall(r"Key:\t(\S{43})\n", text)[0]
    assert f"joule node add {name} {shared.url} {key}" in text
    assert shared.request("GET", "/", headers={"X-API-KEY": key}) == (200, "Joule server")
    assert "\talice\n" in run(shared, "master", "list")
    assert refused(shared, "master", "add", "user", "alice") == "Error: User already exists [400]"
    text = run(shared, "master", "delete", "user", "alice")
    assert text == f"Access to node [{name}] revoked for user [alice]\n"
    assert shared.request("GET", "/", headers={"X-API-KEY": key})[0] == 403


def test_a_user_may_have_a_key_and_a_scope(shared: Daemon) -> None:
    key = "0123456789" * 4
    run(shared, "master", "add", "-k", key, "-s", "read", "user", "bob")
    assert "\tbob (read)\n" in run(shared, "master", "list")
    headers = {"X-API-KEY": key}
    assert shared.request("GET", "/folders.json", headers=headers)[0] == 200
    assert shared.request("DELETE", "/folder.json?path=/x", headers=headers)[0] == 403
    assert "at least 32 characters" in refused(shared, "master", "add", "user", "x", "-k", "short")


def test_what_cannot_be_deleted_is_said(shared: Daemon) -> None:
    name = shared.saved["name"]
    text = refused(shared, "master", "delete", "joule", "nobody")
    assert text == f"Error: joule_node [nobody] is not a master of node [{name}] [404]"
    text = refused(shared, "master", "delete", "user", "tester")
    assert text == "Error: cannot delete yourself, this would lock you out of the node [400]"


def test_a_node_follows_another(shared: Daemon, second: Daemon) -> None:
    name = shared.saved["name"]
    assert run(second, "follower", "list") == "This node cannot control any other nodes\n"
    text = run(shared, "master", "add", "joule", second.url)
    assert text == f"Access to [{name}] granted to Joule Node [second]\n"
    assert run(second, "follower", "list") == f"This node can control:\n\t{name}\n"
    lists = run(shared, "master", "list")
    assert "Joule Nodes:\n\tsecond\nLumen Nodes:\n\t[None]\n" in lists
    assert run(second, "follower", "delete", name) == f"Follower [{name}] removed\n"
    assert refused(second, "follower", "delete", name) == "Error: follower not found [404]"
    run(shared, "master", "delete", "joule", "second")
    advice = "try using a full URL like http(s)://... [400]"
    text = refused(shared, "master", "add", "joule", "127.0.0.1:9")
    assert text == f"Error: cannot connect to 127.0.0.1:9, {advice}"


def test_links_survive_a_restart(daemon: Daemon, second: Daemon) -> None:
    daemon.start()
    name = daemon.saved["name"]
    run(daemon, "master", "add", "joule", second.url)
    daemon.stop()
    daemon.start()
    assert "\tsecond\n" in run(daemon, "master", "list")
    follower = json.loads(second.request("GET", "/followers.json", headers=_key(second))[1])[0]
    assert (follower["name"], follower["location"]) == (name, daemon.url)
    headers = {"X-API-KEY": follower["key"]}
    assert daemon.request("GET", "/version.json", headers=headers)[0] == 200
    run(second, "follower", "delete", name)


def test_a_lumen_server_asks_for_its_key(shared: Daemon) -> None:
    with lumen_thread() as lumen:
        text = run(shared, "master", "add", "lumen", lumen.url, answer=f"{AUTH_KEY}\n")
        assert text.startswith("Lumen authorization key: ")
        assert text.endswith(f"granted to Lumen Node [{lumen.url}]\n")
        assert [request.get("auth_key") for request in lumen.requests] == [None, AUTH_KEY]
        assert f"Lumen Nodes:\n\t{lumen.url}\n" in run(shared, "master", "list")
        run(shared, "master", "delete", "lumen", lumen.url)


def test_a_lumen_server_that_cannot_reach_the_node_is_a_warning(shared: Daemon) -> None:
    with lumen_thread(Lumen(needs_key=False)) as lumen:
        words = ("master", "add", "lumen", lumen.url, "-u", "http://127.0.0.1:9")
        result = shared.joule(*words)
        assert result.returncode == 0
        assert "Warning: Lumen cannot contact node at http://127.0.0.1:9\n" in result.stderr
        assert "granted to Lumen Node" in result.stdout
        run(shared, "master", "delete", "lumen", lumen.url)


def test_a_wrong_key_of_a_lumen_server_is_an_error(shared: Daemon) -> None:
    with lumen_thread() as lumen:
        result = shared.joule("master", "add", "lumen", lumen.url, answer="wrong\n")
    assert result.returncode == 1
    assert "invalid auth_key [422] [400]" in result.stderr


def _key(daemon: Daemon) -> dict[str, str]:
    return {"X-API-KEY": daemon.saved["key"]}


def test_the_users_file_is_followed_while_the_node_runs(second: ConfiguredDaemon) -> None:
    mine = second.users.read_text()
    guest = {"X-API-KEY": "guest-" + "g" * 32}

    def status() -> int:
        return second.request("GET", "/version.json", headers=guest)[0]

    second.users.write_text(f"{mine}guest_1, {guest['X-API-KEY']}\n")
    wait_until(lambda: status() == 200, 20, "the new user has no access")
    second.users.write_text(mine)
    wait_until(lambda: "UsersFile" in second.text, 20, second.text)
    assert status() == 200  # a line that is gone removes nobody
    second.users.write_text(f"{mine}DELETE LIKE gu%\\_1\n")
    wait_until(lambda: status() == 403, 20, "the user still has access")
    assert second.request("GET", "/version.json", headers=_key(second))[0] == 200


# ------------------------------------------------------------------ over TLS


@contextmanager
def started_with_tls(folder: Path, name: str, authority: Certificate) -> Iterator[ConfiguredDaemon]:
    """Run a node with a certificate for ``localhost``; its name is how others reach it."""
    folder.mkdir()
    mine = signed(folder, authority)
    security = f"Certificate = {mine.file}\nKey = {mine.key}\n"
    security += f"CertificateAuthority = {authority.file}\n"
    daemon = ConfiguredDaemon(folder, name, f"[Security]\n{security}")
    saved = folder / "user" / "nodes.json"
    saved.write_text(saved.read_text().replace("http://127.0.0.1", "https://localhost"))
    (saved.parent / "ca.crt").write_bytes(authority.file.read_bytes())
    with daemon:
        daemon.spawn()
        wait_until(lambda: daemon.joule("node", "info").returncode == 0, 30, lambda: daemon.text)
        yield daemon


def test_nodes_with_certificates_of_one_authority_follow_each_other(tmp_path: Path) -> None:
    authority = self_signed(tmp_path, "authority")
    with (
        started_with_tls(tmp_path / "a", "localhost", authority) as first,
        started_with_tls(tmp_path / "b", "other", authority) as second,
    ):
        url = second.saved["url"]
        assert "granted to Joule Node [other]" in run(first, "master", "add", "joule", url)
        assert run(second, "follower", "list") == "This node can control:\n\tlocalhost\n"
        # The other one's certificate is not for its name.
        text = refused(second, "master", "add", "joule", first.saved["url"])
        assert f"no route to node at https://other:{second.port}" in text


# ------------------------------------------------------------------ the command of Joule 1.0


@pytest.mark.slow
def test_the_command_of_joule_1_0_manages_masters(
    shared: Daemon,
    second: Daemon,
    old_python: Path,
) -> None:
    def old(*words: str, answer: str = "") -> str:
        program = str(old_python.parent / "joule")
        result = subprocess.run(
            [program, *words],
            capture_output=True,
            text=True,
            timeout=60,
            env=shared.environment,
            check=False,
            input=answer,
        )
        assert "Traceback" not in result.stderr
        return result.stdout + result.stderr

    name = shared.saved["name"]
    text = old("master", "add", "user", "carol")
    assert f"Access to node [{name}] granted to user [carol]" in text
    assert "User already exists" in old("master", "add", "user", "carol")
    assert "carol" in old("master", "list")
    assert "revoked" in old("master", "delete", "user", "carol")
    assert "is not a master of node" in old("master", "delete", "user", "carol")
    assert f"granted to Joule Node [{second.url}]" in old("master", "add", "joule", second.url)
    assert "second" in old("master", "list")
    with lumen_thread() as lumen:
        text = old("master", "add", "lumen", lumen.url, answer=f"{AUTH_KEY}\n")
        assert f"granted to Lumen Node [{lumen.url}]" in text
        assert lumen.nodes
        assert "revoked" in old("master", "delete", "lumen", lumen.url)
    assert "revoked" in old("master", "delete", "joule", "second")
