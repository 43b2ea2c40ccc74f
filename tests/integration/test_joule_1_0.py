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
from pathlib import Path

import pytest

from tests.integration.daemon import Daemon, wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("joule_1_0_client.py")
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
