"""The data commands beside those of ``joule==1.0.1``, at the same node.

Where 1.0.1 has a command it is run, too, on a stream of its own, and prints the same, or what is
listed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.integration.data_rows import START, plant, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

SCRIPT: list[tuple[str, ...]] = [
    ("read", "{}"),
    ("read", "-m", "{}"),
    ("read", "-i", "1", "{}"),
    ("read", "-s", str(START + 1000), "-e", str(START + 3000), "{}"),
    ("read", "-i", "7", "{}"),
    ("read", "-i", "x", "{}"),
    ("read", "-s", "bad time", "{}"),
    ("read", "-l", "-r", "5", "{}"),
    ("read", "-l", "-s", "5", "{}"),
    ("intervals", "{}"),
    ("copy", "{}", "{}-copy"),
    ("copy", "-e", "now", "{}", "{}-copy"),
    ("copy", "-n", "{}", "{}-copy"),
    ("copy", "-n", "-s", "5", "{}", "{}-copy"),
    ("copy", "-s", "9", "-e", "5", "{}", "{}-copy"),
    ("copy", "-d", "nobody", "{}", "{}-copy"),
    ("intervals", "{}-copy"),
    ("consolidate", "-m", "1", "{}-copy"),
    ("consolidate", "-m", "9000000", "{}-copy"),
    ("filter", "mean", "-w", "3", "{}", "{}-mean"),
    ("read", "{}-mean"),
    ("filter", "median", "-w", "3", "{}", "{}-median"),
    ("merge", "-p", "{}", "-s", "{}-mean:m", "-d", "{}-merged"),
    ("delete", "{}"),
    ("delete", "--all", "-s", "5", "{}"),
    ("delete", "--all", "{}-copy"),
    ("intervals", "{}-copy"),
    ("read", "{}-copy"),
]

DIFFERENT: set[tuple[str, ...]] = {
    ("copy", "-n", "-s", "5", "{}", "{}-copy"),  # refused before the node is asked
    ("copy", "-s", "9", "-e", "5", "{}", "{}-copy"),  # the same
    ("copy", "-d", "nobody", "{}", "{}-copy"),  # with the reason
    ("merge", "-p", "{}", "-s", "{}-mean:m", "-d", "{}-merged"),  # up to the end of the last piece
    ("delete", "--all", "{}-copy"),  # 1.0 prints a line for debugging
}
"""What 1.0 printed otherwise; docs/compatibility.md gives the reasons."""


def by_hand(daemon: Daemon, program: list[str], *words: str) -> tuple[int, str, str]:
    """Run a ``joule`` command, agree to what it asks; gives status, output and errors."""
    result = subprocess.run(
        [*program, "data", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=daemon.environment,
        check=False,
        input="y\n",
    )
    return result.returncode, result.stdout, result.stderr


def plain(text: str, path: str) -> list[str]:
    """What was printed, without the name of the stream and the blanks around lines."""
    text = re.sub(r"\r?(Copying data|reading data)[^\n]*\n", "", text)
    lines = (re.sub(r"\s+", " ", line.replace(path, "PATH")).strip() for line in text.splitlines())
    return [line for line in lines if line]


@pytest.mark.timeout(300)
def test_the_commands_print_what_those_of_1_0_print(
    shared: Daemon,
    old_python: Path,
) -> None:
    programs = {"/new/data": [sys.executable, "-m", "joule.cli"]}
    programs["/old/data"] = [str(old_python.parent / "joule")]
    seen: dict[str, list[tuple[int, list[str], list[str]]]] = {}
    for path, program in programs.items():
        plant(shared, path, 2000, (0, 5_000_000))
        seen[path] = []
        for words in SCRIPT:
            status, out, errors = by_hand(shared, program, *(word.format(path) for word in words))
            seen[path].append((status, plain(out, path), plain(errors, path)))
    pairs = zip(SCRIPT, seen["/old/data"], seen["/new/data"], strict=True)
    unlike = {words: (old, new) for words, old, new in pairs if old != new}
    assert set(unlike) == DIFFERENT, {words: unlike[words] for words in set(unlike) ^ DIFFERENT}
    for suffix in ("-mean", "-median", "-merged"):
        old, new = rows_of(shared, f"/old/data{suffix}"), rows_of(shared, f"/new/data{suffix}")
        assert np.array_equal(old["timestamp"], new["timestamp"]), suffix
        assert np.allclose(old["data"], new["data"]), suffix


def test_files_go_to_1_0_and_come_from_it(
    shared: Daemon,
    old_python: Path,
    tmp_path: Path,
) -> None:
    old, new = [str(old_python.parent / "joule")], [sys.executable, "-m", "joule.cli"]
    path = plant(shared, "/exchange/data", 50)
    for index, (writer, reader) in enumerate(((old, new), (new, old))):
        file, target = str(tmp_path / f"{index}.h5"), f"/exchange/{index}"
        assert by_hand(shared, writer, "read", "-f", file, path)[0] == 0
        status, _, errors = by_hand(shared, reader, "ingest", "-s", target, file)
        assert status == 0, errors
        assert rows_of(shared, target).tobytes() == rows_of(shared, path).tobytes()
