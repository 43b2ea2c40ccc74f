"""The client and the modules of ``joule==1.0.1``, unchanged, with our node.

They live in an environment of their own: ``JOULE_1_0_PYTHON`` names its interpreter; without it
one is made under ``.cache`` on the first run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from joule.api import DataStream, Element, EventStream
from tests.integration.daemon import Daemon, wait_until

if TYPE_CHECKING:
    from joule.api import TcpNode

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("joule_1_0_client.py")
EVERY_METHOD = SCRIPT.with_name("joule_1_0_every_method.py")
LINKS = SCRIPT.with_name("joule_1_0_links.py")

DIFFERENT = {"data_write falling", "data_read nothing", "db_connect"}
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


def links(daemon: Daemon, python: Path, folder: str) -> list[str]:
    """Let a client make links into Lumen."""
    result = subprocess.run(
        [str(python), str(LINKS), daemon.url, daemon.key, folder],
        capture_output=True,
        text=True,
        timeout=60,
        env=daemon.environment,
        check=False,
    )
    if "No module named 'lzstring'" in result.stderr:
        pytest.skip("the environment of joule 1.0.1 has no lzstring")
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_both_clients_make_the_same_links_into_lumen(shared: Daemon, old_python: Path) -> None:
    async def plant(node: TcpNode) -> None:
        elements = [Element("first"), Element("second", "V")]
        await node.data_stream_create(DataStream("data", elements=elements), "/links/deep")
        await node.event_stream_create(EventStream("events"), "/links/deep")

    shared.ask(plant)
    made = links(shared, old_python, "/links/deep")
    assert len(made) == 3
    assert links(shared, Path(sys.executable), "/links/deep") == made


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
