"""How long work shows that it goes on."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import click
import pytest

from joule.cli.progress import Progress, interruptible


def test_a_log_gets_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    time = [100.0]
    with Progress("Copying data", 1000, lambda: time[0]) as progress:
        for second in range(150):
            time[0] = 101.0 + second
            progress.advance(20_000, 5)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Copying data: 30%, 1 200 000 rows, 20 000 rows/s, 0:02:20 left",
        "Copying data: 60%, 2 400 000 rows, 20 000 rows/s, 0:01:20 left",
    ]


def test_more_than_all_is_all(capsys: pytest.CaptureFixture[str]) -> None:
    time = [0.0]
    with Progress("x", 10, lambda: time[0]) as progress:
        time[0] = 60.0
        progress.advance(5, 40)
    assert "100%" in capsys.readouterr().err


def test_a_terminal_gets_a_bar_with_rows_and_rate() -> None:
    ours, theirs = pty.openpty()
    code = (
        "from joule.cli.progress import Progress\n"
        "time = [0.0]\n"
        "with Progress('Copying data', 100, lambda: time[0]) as progress:\n"
        "    time[0] = 2.0\n"
        "    progress.advance(5000, 50)\n"
    )
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "Copying data" in shown
    assert "50%" in shown
    assert "5 000 rows, 2 500 rows/s" in shown


def test_ctrl_c_tells_what_was_done_and_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, interruptible(lambda: "7 rows"):
        raise KeyboardInterrupt
    assert ended.value.exit_code == 130
    assert "Interrupted: 7 rows" in capsys.readouterr().err
