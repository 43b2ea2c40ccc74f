"""Files of a store: readable by the user of the node alone, whoever makes them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_private(path: Path) -> int:
    """Open a file for reading and writing, make it if there is none; gives the descriptor.

    A new one that root makes, say by ``sudo joule admin authorize``, belongs to the owner of its
    folder: the user of the node, who could not open it otherwise. Raises ``OSError``.
    """
    flags = os.O_RDWR | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor
