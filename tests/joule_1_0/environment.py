"""Where ``joule==1.0.1`` is: an environment of its own."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PACKAGES = ["joule==1.0.1", "sqlalchemy<2.1", "lzstring"]
"""Joule 1.0.1, and what it needs and does not say."""


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
        marker = home / "packages"
        if not (marker.exists() and marker.read_text() == " ".join(PACKAGES)):
            install(home)
            marker.write_text(" ".join(PACKAGES))
    return home / "bin" / "python"


def install(home: Path) -> None:
    """Make the environment, or skip."""
    python = home / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES],
    ):
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if result.returncode:
            pytest.skip(f"joule 1.0.1 cannot be installed: {result.stderr.strip()[-300:]}")
