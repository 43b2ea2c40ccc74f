"""What a daemon says on standard output once it is ready."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import joule
from joule.config.places import API_SOCKET
from joule.daemon.demo import HOST_RAW, RANDOM_MEAN
from joule.storage.address import Address, is_address

if TYPE_CHECKING:
    from joule.config.main_conf import MainConfig

_COMMANDS = ("module list", "folder list", "node info")
_DEMO_COMMANDS = (
    "module list",
    f"stream info {HOST_RAW}",
    f"data read --live {RANDOM_MEAN}",
)


def program() -> str:
    """How a shell in this folder finds the command: by its name, else by its path."""
    if shutil.which("joule") is not None:
        return "joule"
    path = Path(sys.executable).with_name("joule")
    if path.parent == Path.cwd():
        return "./joule"
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return shlex.quote(str(shown))


def show(config: MainConfig, url: str | None, command: str | None, *, demo: bool) -> None:
    """Print where the node listens and where its data is; commands to try for a user's own node.

    ``command`` is how the user's commands for this node begin, None when they have no key for it.
    """
    sys.stdout.write("\n".join(_lines(config, url, command, demo=demo)) + "\n")
    sys.stdout.flush()


def _place(config: MainConfig) -> Path | Address:
    if config.database is not None and is_address(config.database):
        return Address.parse(config.database)
    return config.folders.data


def _lines(config: MainConfig, url: str | None, command: str | None, *, demo: bool) -> list[str]:
    socket = config.folders.sockets / API_SOCKET
    lines = [
        f"Joule {joule.__version__}, node [{config.name}]",
        f"  listening on {f'{url} and ' if url else ''}{socket}",
        f"  data in      {_place(config)}",
    ]
    if command is None:
        return lines
    rest = _DEMO_COMMANDS if demo else _COMMANDS
    return [*lines, "Try in another terminal:", *(f"  {command} {words}" for words in rest)]
