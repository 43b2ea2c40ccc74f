"""A module on one node that reads and writes streams of another, which is restarted meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import NotFoundError
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import wait_until
from tests.integration.modules import add_script, count, intervals, modules_folder, pid

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

WRITE = """
start = time.time_ns() // 1000
for number in range(10**9):
    write(row(start + number * 10_000, number))
    time.sleep(0.01)
"""
COPY = """
while data := os.read(input_(), 12):
    os.write(output(), data)
"""


def node(folder: Path, name: str) -> ConfiguredDaemon:
    folder.mkdir()
    made = ConfiguredDaemon(folder, name, f"ModuleDirectory = {folder}/data/module_configs\n")
    modules_folder(made)
    return made


def test_remote_streams_go_on_after_the_other_node_was_restarted(tmp_path: Path) -> None:
    near, far = node(tmp_path / "near", "near"), node(tmp_path / "far", "far")
    with near, far:
        add_script(far, "writer", WRITE, outputs={"output": "/far/x:int32[x]"})
        near.start()
        far.start()
        added = far.joule("master", "add", "joule", near.url)
        assert added.returncode == 0, added.stderr
        add_script(
            near,
            "copy",
            COPY,
            inputs={"input": "far /far/x:int32[x]"},
            outputs={"output": "far /far/copy:int32[x]"},
        )
        assert near.joule("admin", "reload", "--config", str(near.file)).returncode == 0
        wait_until(lambda: rows_of(far, "/far/copy") > 50, 20, lambda: near.text)
        process = pid(near, "copy")
        far.stop()
        far.start()
        before = count(far, "/far/copy")
        wait_until(lambda: count(far, "/far/copy") > before + 200, 30, lambda: near.text)
        assert pid(near, "copy") == process
        source, copied = intervals(far, "/far/x"), intervals(far, "/far/copy")
        assert (len(source), len(copied)) == (2, 2)
        assert copied[0][1] == source[0][1]
        assert copied[1][0] == source[1][0]


def rows_of(daemon: ConfiguredDaemon, path: str) -> int:
    """The number of rows of a stream that may not be there yet."""
    try:
        return count(daemon, path)
    except NotFoundError:
        return 0
