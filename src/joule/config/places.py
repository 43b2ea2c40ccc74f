"""Where a node of this host is looked for: the same order for ``jouled`` and ``joule admin``."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import tempfile
from pathlib import Path

from joule.config.main_conf import (
    SYSTEM_FILE,
    Folders,
    MainConfig,
    default_config,
    read_main_conf,
)
from joule.errors import ConfigurationError

SOCKET_PATH_BYTES_MAX = 107
"""Longest path of a UNIX socket on Linux."""

API_SOCKET = "api"
PID_FILE = "pid"
_LONGEST_SOCKET = "module9999"


def find_config(
    file: Path | None, data: Path | None, system_file: Path = SYSTEM_FILE
) -> MainConfig:
    """Give the settings of the node of this host.

    The main file when one is named; else the data folder when one is named; else the main file
    of the system when there is one; else the user's own data folder. Raises
    ``ConfigurationError``.
    """
    if file is None and data is None and system_file.exists():
        file = system_file
    if file is None:
        return default_config((data or default_data_folder()).absolute())
    return read_main_conf(file)


def default_data_folder() -> Path:
    """Give the folder for a user's own node."""
    base = os.environ.get("XDG_DATA_HOME")
    if base:
        return Path(base) / "joule"
    try:
        return Path.home() / ".local" / "share" / "joule"
    except RuntimeError as error:
        raise ConfigurationError("no home folder, say where the data goes with --data") from error


def socket_folder(folders: Folders) -> Path:
    """Give the folder of a node's sockets; nothing is made.

    One whose sockets would have paths too long for the system is replaced by a short one, the
    same at every start: in ``$XDG_RUNTIME_DIR``, or in the folder for temporary files.
    """
    if sockets_fit(folders.sockets):
        return folders.sockets
    mark = hashlib.sha256(os.fsencode(folders.sockets)).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / f"joule-{mark}"
    return Path(tempfile.gettempdir()) / f"joule-{os.getuid()}-{mark}"


def sockets_fit(folder: Path) -> bool:
    """Whether the sockets in a folder have paths that the system can use."""
    return len(os.fsencode(folder / _LONGEST_SOCKET)) <= SOCKET_PATH_BYTES_MAX


def node_url(config: MainConfig) -> str | None:
    """Give the URL under which this host reaches the node, None when it has no TCP listener.

    "All addresses" is reached by the loopback. With a certificate authority the host is the name
    of the node, which the certificate is for.
    """
    if config.ip_address is None:
        return None
    scheme = "http" if config.security is None else "https"
    if config.security is not None and config.security.authority is not None:
        return f"{scheme}://{config.name}:{config.port}"
    return f"{scheme}://{_host(config.ip_address)}:{config.port}"


def _host(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address  # a name, which only the command line can give
    if ip.is_unspecified:
        return "127.0.0.1" if ip.version == 4 else "[::1]"
    return f"[{ip}]" if ip.version == 6 else str(ip)
