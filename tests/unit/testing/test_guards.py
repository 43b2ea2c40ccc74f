"""What the guards of ``tests/conftest.py`` promise to the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import signal, subprocess, sys
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
from tests.conftest import listen_to_signals
listen_to_signals()
child = "import os, signal; os.kill(os.getpid(), signal.Signals[{name!r}]); print('ignored')"
print(subprocess.run([sys.executable, "-c", child], capture_output=True).stdout.decode(), end="")
"""


def test_what_a_test_starts_hears_signals_also_when_the_tests_run_in_the_background() -> None:
    for name in ("SIGINT", "SIGHUP", "SIGQUIT"):
        result = subprocess.run(
            [sys.executable, "-c", CODE.replace("{name!r}", repr(name))],
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout) == (0, ""), name
