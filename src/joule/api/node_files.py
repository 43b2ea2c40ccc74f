"""The user's list of nodes on disk: ``nodes.json``, ``default_node.txt`` and ``ca.crt``.

Files are replaced as a whole, so that a reader never sees half of one, and only their owner may
read them: they hold keys.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joule.errors import ApiError

NO_NODES = "No nodes available, use [joule admin authorize] or [joule node add]"


class NodeListError(ApiError, ValueError):
    """The file with the list of nodes cannot be understood."""


@dataclass(frozen=True)
class NodeConfig:
    """A saved node: the name it has here, where it is and the key that opens it.

    With ``verify`` False its certificate is not checked.
    """

    name: str
    url: str
    key: str
    verify: bool = True

    def to_json(self) -> dict[str, Any]:
        """Give the entry of ``nodes.json``."""
        entry: dict[str, Any] = {"name": self.name, "url": self.url, "key": self.key}
        return entry if self.verify else {**entry, "verify": False}


def config_directory() -> Path:
    """Give the user's configuration directory, whether or not it exists.

    It is ``$JOULE_USER_CONFIG_DIR``, else ``$HOME/.joule``, else ``$APPDATA/.joule``; raises
    :exc:`joule.errors.ApiError` when none of them is set.
    """
    explicit = os.environ.get("JOULE_USER_CONFIG_DIR")
    if explicit:
        return Path(explicit)
    home = os.environ.get("HOME") or os.environ.get("APPDATA")
    if not home:
        raise ApiError("specify JOULE_USER_CONFIG_DIR environment variable")
    return Path(home) / ".joule"


def existing_files() -> NodeFiles | None:
    """Give the user's files, None where the user has no configuration directory."""
    try:
        directory = config_directory()
    except ApiError:
        return None
    return NodeFiles(directory) if directory.is_dir() else None


class NodeFiles:
    """The files in ``directory``, which is created for its owner alone if it is missing."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = config_directory() if directory is None else directory
        if not self.directory.is_dir():
            self.directory.mkdir(mode=0o700)
            _give_to_caller(self.directory)

    @property
    def nodes_path(self) -> Path:
        """The list of nodes."""
        return self.directory / "nodes.json"

    @property
    def default_path(self) -> Path:
        """The name of the node that is meant when none is named."""
        return self.directory / "default_node.txt"

    @property
    def cafile(self) -> str:
        """The authority that vouches for nodes, empty when there is none."""
        path = self.directory / "ca.crt"
        return str(path) if path.is_file() else ""

    def nodes(self) -> list[NodeConfig]:
        """Read the saved nodes; raises :exc:`NodeListError` when the file is corrupt."""
        try:
            entries = json.loads(self.nodes_path.read_text())
            return [_entry(item) for item in entries]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise NodeListError(
                f"Cannot parse [{self.nodes_path}], fix syntax or remove it"
            ) from error

    def write_nodes(self, nodes: list[NodeConfig]) -> None:
        """Replace the saved nodes; they are on the disk when this returns."""
        entries = [node.to_json() for node in nodes]
        _replace(self.nodes_path, json.dumps(entries, indent=2) + "\n")

    def default_name(self) -> str:
        """Read the name of the default node, empty when there is none."""
        try:
            return self.default_path.read_text().strip()
        except FileNotFoundError:
            return ""

    def write_default_name(self, name: str) -> None:
        """Replace the name of the default node."""
        _replace(self.default_path, f"{name}\n" if name else "")

    def default(self) -> NodeConfig:
        """Give the default node; a missing or stale default becomes the first saved node.

        Raises :exc:`joule.errors.ApiError` when there are no nodes.
        """
        nodes = self.nodes()
        name = self.default_name()
        for node in nodes:
            if node.name == name:
                return node
        first = nodes[0].name if nodes else ""
        if first != name:
            self.write_default_name(first)
        if not nodes:
            raise ApiError(NO_NODES)
        return nodes[0]


def _entry(item: Any) -> NodeConfig:
    name, url, key = item["name"], item["url"], item["key"]
    if not all(isinstance(text, str) for text in (name, url, key)):
        raise TypeError("name, url and key must be strings")
    return NodeConfig(name, url, key, verify=item.get("verify", True) is not False)


def _replace(path: Path, text: str) -> None:
    """Put ``text`` in the place of the file at once, readable by its owner only, and durable."""
    target = Path(os.path.realpath(path))
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w") as file:  # created with mode 0600
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _give_to_caller(Path(temporary))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_directory(target.parent)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _give_to_caller(path: Path) -> None:
    """Make the user who called sudo the owner."""
    if "SUDO_USER" in os.environ:
        os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))
