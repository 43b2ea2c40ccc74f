"""The client and the modules of ``joule==1.0.1``, unchanged, with our node.

They live in an environment of their own: ``JOULE_1_0_PYTHON`` names its interpreter; without it
one is made under ``.cache`` on the first run.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.daemon import Daemon, wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("joule_1_0_client.py")
EVERY_METHOD = SCRIPT.with_name("joule_1_0_every_method.py")

DIFFERENT = {"data_write falling", "data_read nothing"}
"""What the two clients answer differently; docs/compatibility.md gives the reasons."""

NOT_IN_1_0 = {
    "event_stream_histogram",
    "follower_remove",
    "master_remove",
    "master_removet",
    "module_configuration",
    "module_faults",
    "module_log",
    "module_restart",
    "module_start",
    "module_stop",
    "reload",
    "version",
}

START = 1_700_000_000_000_000


@pytest.fixture(scope="session")
def old_python() -> Path:
    """An interpreter that has joule 1.0.1; the tests are skipped where there can be none."""
    named = os.environ.get("JOULE_1_0_PYTHON")
    if named:
        return Path(named)
    home = ROOT / ".cache" / "joule-1.0.1"
    home.parent.mkdir(exist_ok=True)
    with (home.parent / "joule-1.0.1.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            install(home)
    return home / "bin" / "python"


def install(home: Path) -> None:
    """Make the environment, or skip."""
    python = home / "bin" / "python"
    packages = ["joule==1.0.1", "sqlalchemy<2.1"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages],
    ):
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if result.returncode:
            pytest.skip(f"joule 1.0.1 cannot be installed: {result.stderr.strip()[-300:]}")
    (home / "complete").touch()


@pytest.fixture
def node(daemon: Daemon, old_python: Path) -> Daemon:
    """Our node with a reader and a filter of joule 1.0.1 as its modules."""
    daemon.start()
    daemon.stop()
    programs = old_python.parent
    folder = daemon.data / "module_configs"
    (folder / "reader.conf").write_text(
        f"[Main]\nname = old reader\nexec_cmd = {programs}/joule-random-reader\n"
        "[Arguments]\nwidth = 2\nrate = 10\n"
        "[Outputs]\noutput = /old/random:float32[x,y]\n"
    )
    (folder / "filter.conf").write_text(
        f"[Main]\nname = old filter\nexec_cmd = {programs}/joule-mean-filter\n"
        "[Arguments]\nwindow = 5\n"
        "[Inputs]\ninput = /old/random\n"
        "[Outputs]\noutput = /old/mean:float32[x,y]\n"
    )
    return daemon.start()


def test_its_modules_run_under_our_node(node: Daemon) -> None:
    def rows(path: str) -> int:
        return node.ask(lambda ours: ours.data_stream_info(path)).rows

    def logs() -> str:
        return node.text + "".join(
            node.joule("module", "logs", name).stdout for name in ("old reader", "old filter")
        )

    wait_until(lambda: rows("/old/random") > 20, 30, logs)
    wait_until(lambda: rows("/old/mean") > 10, 30, logs)
    for path in ("/old/random", "/old/mean"):

        async def intervals(ours: object, path: str = path) -> object:
            return await ours.data_intervals(path)  # type: ignore[attr-defined]

        assert len(node.ask(intervals)) == 1  # type: ignore[arg-type]
    assert node.stop() == 0


def test_all_its_built_in_modules_run_under_our_node(daemon: Daemon, old_python: Path) -> None:
    daemon.start()
    daemon.stop()
    lines = daemon.folder / "lines.csv"
    lines.write_text("1,2\n" * 10_000)
    reader = "exec_cmd = {}/joule-random-reader\n[Arguments]\nwidth = 1\nrate = {}\n"
    outputs = "[Outputs]\noutput = /old/{}:float32[{}]\n"
    files = {
        "first": reader.format(old_python.parent, 20) + outputs.format("first", "x"),
        "second": reader.format(old_python.parent, 10) + outputs.format("second", "x"),
        "file": f"exec_cmd = {old_python.parent}/joule-file-reader {lines} -t yes\n"
        + outputs.format("file", "x, y"),
        "median": f"exec_cmd = {old_python.parent}/joule-median-filter\n"
        "[Arguments]\nwindow = 3\n[Inputs]\ninput = /old/first\n" + outputs.format("median", "x"),
        "merge": f"exec_cmd = {old_python.parent}/joule-merge-filter\n[Arguments]\nprimary = a\n"
        "[Inputs]\na = /old/first\nb = /old/second\n" + outputs.format("merge", "x, y"),
        "view": f"exec_cmd = {old_python.parent}/joule-visualizer-filter\nis_app = yes\n"
        "[Inputs]\na = /old/first\n",
    }
    for name, text in files.items():
        (daemon.data / "module_configs" / f"{name}.conf").write_text(
            f"[Main]\nname = {name}\n{text}"
        )
    daemon.start()

    def page() -> bool:
        apps = json.loads(daemon.request("GET", "/app.json", headers=key)[1])
        path = f"/app/{apps[0]['id']}/data.json"
        status, text = daemon.request("GET", path, headers=key)
        return status == 200 and json.loads(text)[0]["stream"] == "first"

    def logs() -> str:
        return daemon.text + "".join(daemon.joule("module", "logs", n).stdout for n in files)

    key = {"X-API-KEY": daemon.key}

    def has_rows(path: str) -> bool:
        return daemon.ask(lambda n: n.data_stream_info(path)).rows > 10

    for name in ("file", "median", "merge"):
        wait_until(partial(has_rows, f"/old/{name}"), 40, logs)
    wait_until(page, 20, logs)
    merged = daemon.ask(lambda n: n.data_read_array("/old/merge"))
    first = daemon.ask(lambda n: n.data_read_array("/old/first", max_rows=None))
    assert set(merged["timestamp"]) <= set(first["timestamp"])


def test_its_filters_run_again_over_stored_data(node: Daemon) -> None:
    def rows(path: str) -> int:
        return node.ask(lambda ours: ours.data_stream_info(path)).rows

    wait_until(lambda: rows("/old/mean") > 30, 30, lambda: node.text)
    for name in ("reader", "filter"):
        (node.data / "module_configs" / f"{name}.conf").rename(node.folder / f"{name}.conf")
    node.stop()
    source = (node.folder / "filter.conf").read_text().replace("old filter", "again")
    (node.data / "module_configs" / "again.conf").write_text(source.replace("/mean", "/again"))
    node.start()
    result = node.joule("module", "run", "again")
    assert result.returncode == 0, result.stderr
    assert rows("/old/again") == rows("/old/random") - 4


@pytest.mark.timeout(300)
def test_its_client_lists_reads_writes_subscribes_and_deletes(
    node: Daemon, old_python: Path
) -> None:
    result = subprocess.run(
        [str(old_python), str(SCRIPT), node.url, node.key, "/old/random"],
        capture_output=True,
        text=True,
        timeout=90,
        env=node.environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr + node.text
    seen = json.loads(result.stdout.splitlines()[-1])
    assert seen["root"] == "root"
    assert seen["modules"] == ["old filter", "old reader"]
    assert seen["logs"] > 0
    assert seen["layout"] == "float32_2"
    assert seen["rows"] == 300
    assert seen["sum"] == sum(range(300))
    assert seen["part"] == 10
    assert seen["decimated_columns"] == 6
    assert 0 < seen["decimated_rows"] <= 20
    assert seen["info"] == [START, START + 299_000, 300]
    assert seen["intervals"] == [
        [START, START + 199_001],
        [START + 200_000, START + 299_001],
    ]
    assert seen["live"] >= 5
    assert seen["after_delete"] == 3
    assert "stream does not exist" in seen["gone"]
    assert "404" in seen["gone"]


def everything(daemon: Daemon, python: Path) -> dict[str, Any]:
    """Let a client call every method of the node and give its answers."""
    result = subprocess.run(
        [str(python), str(EVERY_METHOD), daemon.url, daemon.key],
        capture_output=True,
        text=True,
        timeout=90,
        env=daemon.environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr + daemon.text
    seen: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return seen


def is_alike(old: Any, new: Any) -> bool:
    """Whether a script of 1.0 sees no difference: errors may be of a more special kind."""
    if isinstance(old, dict) and isinstance(new, dict) and "raised" in old and "raised" in new:
        text = old["text"].removeprefix("404: ")  # aiohttp's own text for a path it does not know
        return text == new["text"] and old["raised"][0] in new["raised"]
    return bool(old == new)


@pytest.mark.timeout(300)
def test_both_clients_get_the_same_answers_from_every_method(
    daemon: Daemon, old_python: Path
) -> None:
    daemon.start()
    old = everything(daemon, old_python)
    new = everything(daemon, Path(sys.executable))
    assert old["missed"] == []
    assert set(new["missed"]) == NOT_IN_1_0
    answers = old["answers"]
    assert answers.keys() == new["answers"].keys()
    unlike = {label for label in answers if not is_alike(answers[label], new["answers"][label])}
    assert unlike == DIFFERENT, [(answers[i], new["answers"][i]) for i in unlike ^ DIFFERENT]
